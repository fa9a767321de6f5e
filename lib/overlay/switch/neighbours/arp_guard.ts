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
  MacAddress,
} from "../../../net/mod.ts";
import { ANSWERED, PASS } from "../decision.ts";
import { DROPPED } from "../frame_counts.ts";
import type { FrameQueue } from "../frame_queue.ts";
import type { PortState } from "../switch_state.ts";
import type { AddressGuard } from "./address_guard.ts";

/** Checks and answers ARP. */
export class ArpGuard {
  readonly #guard: AddressGuard;
  readonly #queue: FrameQueue;

  /** Answers go to the queue. */
  constructor(guard: AddressGuard, queue: FrameQueue) {
    this.#guard = guard;
    this.#queue = queue;
  }

  /** @param end where the frame ends @returns what becomes of it */
  check(now: Millis, from: PortState, header: EthernetHeader, bytes: Uint8Array, end: number): number {
    const arp = header.payloadAt;
    const operation = arpOperation(bytes, arp, end - arp);
    const senderMacAt = arp + ARP_AT.SENDER_MAC;
    // RFC 1812 §3.3.2: a group is nobody's address.
    if (operation === undefined || ((bytes[senderMacAt] ?? 0) & 1) !== 0) return DROPPED["bad-arp"];
    if (
      this.#guard.isOthersMac(from, bytes, senderMacAt) ||
      this.#guard.isOthersAddress(from, bytes, arp + ARP_AT.SENDER_IP, 4)
    ) {
      return DROPPED["forged-address"];
    }
    // A host that makes sure that its neighbour is still there asks it alone, and is not answered for it. Behind a tag
    // the same addresses may be others'.
    const isForAll = (header.destinationHigh & 0x0100) !== 0;
    if (operation !== ARP_OPERATION.REQUEST || !isForAll || !from.isLocal || header.tags > 0) return PASS;
    // A probe (RFC 5227 §2.1.1: its sender has no address yet) is answered too, so that it finds the conflict; who
    // announces its own address goes on to everybody, since that is behind the same port.
    const target = this.#guard.answerable(now, from, bytes, arp + ARP_AT.TARGET_IP, 4);
    if (target === undefined) return PASS;
    const asker = MacAddress.fromBytes(bytes, senderMacAt);
    const frame = arpFrame(asker, {
      operation: ARP_OPERATION.REPLY,
      sender: { mac: target.mac, address: bytes.slice(arp + ARP_AT.TARGET_IP, arp + ARP_AT.TARGET_IP + 4) },
      target: { mac: asker, address: bytes.slice(arp + ARP_AT.SENDER_IP, arp + ARP_AT.SENDER_IP + 4) },
    });
    return this.#queue.push({ port: from.port, frame }) ? ANSWERED : DROPPED["queue-full"];
  }
}
