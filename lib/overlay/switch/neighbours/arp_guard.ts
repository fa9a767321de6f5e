/**
 * ARP between ports (RFC 826, RFC 5227): its sender is checked, and requests for bound addresses are answered.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import {
  ARP_AT,
  ARP_OPERATION,
  arpFrame,
  arpOperation,
  type EthernetHeader,
  int32At,
  MacAddress,
  uint16At,
} from "../../../net/mod.ts";
import type { Bindings } from "../bindings.ts";
import { DROPPED } from "../frame_counts.ts";
import type { FrameQueue } from "../frame_queue.ts";
import type { PortState } from "../switch_state.ts";
import type { MacTable } from "../tables/mod.ts";

const PASS = -1;
const ANSWERED = -2;

/** Checks and answers ARP. */
export class ArpGuard {
  readonly #macs: MacTable;
  readonly #bindings: Bindings;
  readonly #queue: FrameQueue;

  /** The tables are the switch's. */
  constructor(macs: MacTable, bindings: Bindings, queue: FrameQueue) {
    this.#macs = macs;
    this.#bindings = bindings;
    this.#queue = queue;
  }

  /** @returns -1 to go on, -2 when it was answered, or why it is dropped */
  check(
    _now: Millis,
    from: PortState,
    header: EthernetHeader,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
  ): number {
    const arp = header.payloadAt;
    const operation = arpOperation(bytes, arp, at + lengthBytes - arp);
    if (operation === undefined) return DROPPED["bad-arp"];
    const network = from.network.index;
    const slot = this.#macs.find(
      network,
      uint16At(bytes, arp + ARP_AT.SENDER_MAC),
      int32At(bytes, arp + ARP_AT.SENDER_MAC + 2),
    );
    if (slot >= 0 && this.#macs.isBoundAt(slot) && this.#macs.portAt(slot) !== from.port) {
      return DROPPED["forged-address"];
    }
    const sender = this.#bindings.ofAddress(network, bytes, arp + ARP_AT.SENDER_IP, 4);
    if (sender !== undefined && sender.port !== from.port) return DROPPED["forged-address"];
    // A host that makes sure that its neighbour is still there asks it alone, and is not answered for it.
    const isForAll = (header.destinationHigh & 0x0100) !== 0;
    if (operation !== ARP_OPERATION.REQUEST || !isForAll || !from.isLocal || header.tags > 0) return PASS;
    const target = this.#bindings.ofAddress(network, bytes, arp + ARP_AT.TARGET_IP, 4);
    if (target === undefined || target.port === from.port) return PASS;
    const asker = MacAddress.fromBytes(bytes, arp + ARP_AT.SENDER_MAC);
    const frame = arpFrame(asker, {
      operation: ARP_OPERATION.REPLY,
      sender: { mac: target.mac, address: bytes.slice(arp + ARP_AT.TARGET_IP, arp + ARP_AT.TARGET_IP + 4) },
      target: { mac: asker, address: bytes.slice(arp + ARP_AT.SENDER_IP, arp + ARP_AT.SENDER_IP + 4) },
    });
    return this.#queue.push({ port: from.port, frame }) ? ANSWERED : DROPPED["queue-full"];
  }
}
