/**
 * IP between ports: whose addresses are its sources, what Neighbor Discovery says, which groups are wanted.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { type EthernetHeader, Ipv6Payload, isExtension, uint16At } from "../../net/mod.ts";
import { PASS } from "./decision.ts";
import { DROPPED } from "./frame_counts.ts";
import type { Snooper } from "./groups/mod.ts";
import { type AddressGuard, isNdType, type NdGuard } from "./neighbours/mod.ts";
import type { PortState } from "./switch_state.ts";

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const IGMP = 2;
const ICMPV6 = 58;
/** MLD: query, report, done, report of version 2. */
const MLD_TYPES: readonly number[] = [130, 131, 132, 143];

/** What is known of a packet for a group. */
export const GROUP = { NONE: 0, DATA: 1, REPORT: 2 } as const;

/** Checks IP packets. */
export class IpGuard {
  readonly #guard: AddressGuard;
  readonly #nd: NdGuard;
  readonly #snooper: Snooper;
  readonly #ports: ReadonlyMap<number, PortState>;
  readonly #payload = new Ipv6Payload();
  /** Of the last packet: one of `GROUP`, where the group's address is, and how long. */
  group = 0;
  groupAt = 0;
  addressBytes = 4;

  /** All are the switch's. */
  constructor(guard: AddressGuard, nd: NdGuard, snooper: Snooper, ports: ReadonlyMap<number, PortState>) {
    this.#guard = guard;
    this.#nd = nd;
    this.#snooper = snooper;
    this.#ports = ports;
  }

  /** @param end where the frame ends @returns what becomes of it */
  checkIpv4(now: Millis, from: PortState, header: EthernetHeader, bytes: Uint8Array, end: number): number {
    this.group = GROUP.NONE;
    const ip = header.payloadAt;
    const first = bytes[ip] ?? 0;
    const headerBytes = (first & 0x0f) * 4;
    if (
      ip + IPV4_HEADER_BYTES > end || first >> 4 !== 4 || headerBytes < IPV4_HEADER_BYTES ||
      ip + headerBytes > end
    ) {
      return DROPPED["bad-ip"];
    }
    if (this.#guard.isOthersAddress(from, bytes, ip + 12, 4)) return DROPPED["forged-address"];
    // Behind a tag the same groups may be others'.
    if ((bytes[ip + 16] ?? 0) >> 4 !== 0x0e || header.tags > 0) return PASS;
    this.group = GROUP.DATA;
    this.groupAt = ip + 16;
    this.addressBytes = 4;
    const isFragment = (uint16At(bytes, ip + 6) & 0x3fff) !== 0;
    if (bytes[ip + 9] !== IGMP || isFragment) return PASS;
    const lengthBytes = uint16At(bytes, ip + 2);
    if (lengthBytes < headerBytes || ip + lengthBytes > end) return DROPPED["bad-ip"];
    return this.#readMessage(now, from, bytes, ip, ip + headerBytes, lengthBytes - headerBytes);
  }

  /** @param end where the frame ends @returns what becomes of it */
  checkIpv6(now: Millis, from: PortState, header: EthernetHeader, bytes: Uint8Array, end: number): number {
    this.group = GROUP.NONE;
    const ip = header.payloadAt;
    if (ip + IPV6_HEADER_BYTES > end || (bytes[ip] ?? 0) >> 4 !== 6) return DROPPED["bad-ip"];
    if (this.#guard.isOthersAddress(from, bytes, ip + 8, 16)) return DROPPED["forged-address"];
    if (bytes[ip + 24] === 0xff && header.tags === 0) {
      this.group = GROUP.DATA;
      this.groupAt = ip + 24;
      this.addressBytes = 16;
    }
    const next = bytes[ip + 6] ?? 0;
    if (next !== ICMPV6 && !isExtension(next)) return PASS;
    const payload = this.#payload;
    if (!payload.read(bytes, ip, end - ip)) return DROPPED["bad-ip"];
    if (payload.protocol !== ICMPV6 || payload.isLaterFragment || payload.at >= payload.end) return PASS;
    const type = bytes[payload.at] ?? 0;
    if (isNdType(type)) return this.#nd.check(now, from, header, bytes, ip, payload, this.#ports);
    if (!MLD_TYPES.includes(type) || header.tags > 0 || payload.isFragment) return PASS;
    return this.#readMessage(now, from, bytes, ip, payload.at, payload.end - payload.at);
  }

  #readMessage(
    now: Millis,
    from: PortState,
    bytes: Uint8Array,
    ip: number,
    at: number,
    length: number,
  ): number {
    const addressBytes = (bytes[ip] ?? 0) >> 4 === 4 ? 4 : 16;
    const decision = this.#snooper.handleMessage(now, from, bytes, ip, at, length, addressBytes);
    // A query is for everybody, also one about a group.
    this.addressBytes = addressBytes;
    this.group = this.#snooper.isReport ? GROUP.REPORT : GROUP.NONE;
    return decision;
  }
}
