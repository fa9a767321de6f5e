/**
 * Neighbor Discovery between ports (RFC 4861, RFC 4862): who speaks is checked, and solicitations for bound addresses are
 * answered.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import {
  type EthernetHeader,
  icmpv6Checksum,
  type Ipv6Payload,
  MacAddress,
  NA_FLAG,
  ND_HOP_LIMIT,
  ND_TYPE,
  NdMessage,
  neighborAdvertisementFrame,
} from "../../../net/mod.ts";
import { ANSWERED, PASS } from "../decision.ts";
import { DROPPED } from "../frame_counts.ts";
import type { FrameQueue } from "../frame_queue.ts";
import type { PortState } from "../switch_state.ts";
import type { AddressGuard } from "./address_guard.ts";

/** ff02::1, and its MAC address (RFC 2464 §7). */
const ALL_NODES: Uint8Array = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: MacAddress = MacAddress.fromBytes(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1));

/** Whether a type of ICMPv6 belongs to Neighbor Discovery. */
export function isNdType(type: number): boolean {
  return type >= ND_TYPE.ROUTER_SOLICITATION && type <= ND_TYPE.REDIRECT;
}

/** Checks and answers Neighbor Discovery. */
export class NdGuard {
  readonly #guard: AddressGuard;
  readonly #queue: FrameQueue;
  readonly #message = new NdMessage();

  /** Answers go to the queue. */
  constructor(guard: AddressGuard, queue: FrameQueue) {
    this.#guard = guard;
    this.#queue = queue;
  }

  /**
   * @param ip where the packet begins; its source has been checked
   * @param payload where the ICMPv6 message is
   * @param portOf finds a port
   */
  check(
    now: Millis,
    from: PortState,
    header: EthernetHeader,
    bytes: Uint8Array,
    ip: number,
    payload: Ipv6Payload,
    ports: ReadonlyMap<number, PortState>,
  ): number {
    const { at, end } = payload;
    const message = this.#message;
    if (
      // RFC 6980 §5: fragments are no Neighbor Discovery.
      payload.isFragment || bytes[ip + 7] !== ND_HOP_LIMIT || icmpv6Checksum(bytes, ip, at, end - at) !== 0 ||
      !message.read(bytes, at, end - at)
    ) {
      return DROPPED["bad-nd"];
    }
    if (this.#isForged(from, bytes)) return DROPPED["forged-address"];
    if (message.type === ND_TYPE.ROUTER_ADVERTISEMENT) from.hasRouter = true;
    const isForAll = (header.destinationHigh & 0x0100) !== 0;
    const isQuestion = message.type === ND_TYPE.NEIGHBOR_SOLICITATION && isForAll;
    if (!isQuestion || !from.isLocal || header.tags > 0) return PASS;
    const target = this.#guard.answerable(now, from, bytes, message.targetAt, 16);
    // A router that is answered for as if it were none is one no longer (RFC 4861 §7.2.5): it answers itself.
    if (target === undefined || ports.get(target.port)?.hasRouter === true) return PASS;
    const address = bytes.slice(message.targetAt, message.targetAt + 16);
    const source = bytes.slice(ip + 8, ip + 24);
    // Who has no address yet makes sure that nobody has it (RFC 4862 §5.4.3), and is told with all (RFC 4861 §7.2.4).
    const isProbe = source.every((byte) => byte === 0);
    if (!isProbe && message.sourceMacAt < 0) return PASS;
    const { gateway } = from.network.definition;
    const isRouter = gateway?.mac.equals(target.mac) === true;
    const frame = neighborAdvertisementFrame({
      destination: isProbe
        ? { mac: ALL_NODES_MAC, address: ALL_NODES }
        : { mac: MacAddress.fromBytes(bytes, message.sourceMacAt), address: source },
      target: { mac: target.mac, address },
      flags: (isRouter ? NA_FLAG.ROUTER : 0) | NA_FLAG.OVERRIDE | (isProbe ? 0 : NA_FLAG.SOLICITED),
    });
    return this.#queue.push({ port: from.port, frame }) ? ANSWERED : DROPPED["queue-full"];
  }

  #isForged(from: PortState, bytes: Uint8Array): boolean {
    const { type, targetAt, sourceMacAt, targetMacAt } = this.#message;
    if (sourceMacAt >= 0 && this.#guard.isOthersMac(from, bytes, sourceMacAt)) return true;
    // A redirect names somebody else's addresses as a matter of course; what it says of a host is for that to believe.
    if (type !== ND_TYPE.NEIGHBOR_ADVERTISEMENT) return false;
    return this.#guard.isOthersAddress(from, bytes, targetAt, 16) ||
      (targetMacAt >= 0 && this.#guard.isOthersMac(from, bytes, targetMacAt));
  }
}
