/**
 * What a router does to an IP packet in place, and what it answers where a packet goes no further.
 * @module
 */

import type { IpFamily } from "./ip_address.ts";
import {
  beginIpReply,
  internetChecksum,
  IP_PROTOCOL,
  ipPayloadOffset,
  ipSourceOffset,
  putUint16,
  transportChecksum,
  uint16At,
} from "./ip_packet.ts";

const ICMP_HEADER_BYTES = 8;
/** RFC 1812 §4.3.2.3: no more than the smallest datagram that everybody takes. */
const MAX_ICMP_BYTES = 576;
/** RFC 4443 §2.4 (c): no more than the least MTU. */
const MAX_ICMPV6_BYTES = 1280;

/**
 * Counts the hop limit of a packet down by one, and brings the header's checksum in line (RFC 1141).
 * @param at where the packet of this `version` begins; its header has been checked
 * @returns false, and nothing changes, when it may go no further (RFC 1812 §5.3.1, RFC 8200 §3)
 */
export function countDownHopLimit(bytes: Uint8Array, at: number, version: IpFamily): boolean {
  const hopLimitAt = at + (version === 4 ? 8 : 7);
  const hopLimit = bytes[hopLimitAt] ?? 0;
  if (hopLimit <= 1) return false;
  bytes[hopLimitAt] = hopLimit - 1;
  if (version === 6) return true;
  const sum = uint16At(bytes, at + 10) + 0x0100;
  putUint16(bytes, at + 10, sum >= 0xffff ? sum + 1 : sum);
  return true;
}

/** Why a packet goes no further: it is too long for the next link, its destination is not there, or does not take it, or a rule forbids it. */
export type Undeliverable = "too-big" | "host" | "port" | "protocol" | "prohibited";

/** RFC 792, RFC 1812 §5.2.7.1: type 3 with these codes. */
const ICMP_CODES: Readonly<Record<Undeliverable, number>> = {
  host: 1,
  protocol: 2,
  port: 3,
  "too-big": 4,
  prohibited: 13,
};
/** RFC 4443 §3: the type and the code of each. */
const ICMPV6_CODES: Readonly<Record<Undeliverable, readonly [type: number, code: number]>> = {
  prohibited: [1, 1],
  host: [1, 3],
  port: [1, 4],
  "too-big": [2, 0],
  protocol: [4, 1],
};
/** RFC 4443 §3.4: where in the packet the problem is. */
const IPV6_NEXT_HEADER_AT = 6;

/**
 * Makes the answer to a packet that goes no further (RFC 792, RFC 1191 §4; RFC 4443 §3). It comes from where the packet was
 * to go, whose address the sender takes packets of in any case.
 * @param at where the packet of this `version` begins; its header has been checked
 * @param lengthBytes how long it is
 * @param how.mtuBytes what fits, where the packet is too long
 * @param how.source whose answer it is, of 4 or 16 bytes
 * @returns an IP packet for the sender, or undefined for an error of ICMP itself, which nobody answers
 */
export function undeliverable(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  how: {
    readonly version: IpFamily;
    readonly why: Undeliverable;
    readonly mtuBytes?: number;
    readonly source?: Uint8Array;
  },
): Uint8Array | undefined {
  const { version, why, mtuBytes = 0 } = how;
  const isIpv4 = version === 4;
  const headerBytes = isIpv4 ? 20 : 40;
  const protocol = isIpv4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6;
  const isIcmp = bytes[at + (isIpv4 ? 9 : 6)] === protocol;
  if (isIcmp && isIcmpError(version, bytes[ipPayloadOffset(bytes, at, version)])) return undefined;
  const quoted = bytes.subarray(at, at + lengthBytes)
    .subarray(0, (isIpv4 ? MAX_ICMP_BYTES : MAX_ICMPV6_BYTES) - headerBytes - ICMP_HEADER_BYTES);
  const icmpBytes = ICMP_HEADER_BYTES + quoted.length;
  const { reply, start } = beginIpReply(bytes, at, version, { protocol, lengthBytes: icmpBytes });
  if (how.source !== undefined) {
    reply.set(how.source, ipSourceOffset(version));
    if (isIpv4) {
      putUint16(reply, 10, 0);
      putUint16(reply, 10, internetChecksum(reply, 0, start));
    }
  }
  reply.set(quoted, start + ICMP_HEADER_BYTES);
  if (isIpv4) {
    reply.set([3, ICMP_CODES[why]], start);
    putUint16(reply, start + 6, mtuBytes);
    putUint16(reply, start + 2, internetChecksum(reply, start, icmpBytes));
    return reply;
  }
  reply.set(ICMPV6_CODES[why], start);
  new DataView(reply.buffer).setUint32(start + 4, why === "protocol" ? IPV6_NEXT_HEADER_AT : mtuBytes);
  putUint16(reply, start + 2, transportChecksum(reply, start, protocol));
  return reply;
}

/** RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e). */
function isIcmpError(version: IpFamily, type = 0): boolean {
  return version === 4 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}
