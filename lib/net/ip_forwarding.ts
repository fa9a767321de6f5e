/**
 * What a router does to an IP packet in place, and what it answers where a packet goes no further.
 * @module
 */

import type { IpFamily } from "./ip_address.ts";
import { internetChecksum, ipDestinationOffset, ipSourceOffset, transportChecksum } from "./ip_packet.ts";

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const ICMP_HEADER_BYTES = 8;
/** RFC 1812 §4.3.2.3: no more than the smallest datagram that everybody takes. */
const MAX_ICMP_BYTES = 576;
/** RFC 4443 §2.4 (c): no more than the least MTU. */
const MAX_ICMPV6_BYTES = 1280;
const HOP_LIMIT = 64;

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
  const sum = (((bytes[at + 10] ?? 0) << 8) | (bytes[at + 11] ?? 0)) + 0x0100;
  const checksum = sum >= 0xffff ? sum + 1 : sum;
  bytes[at + 10] = checksum >> 8;
  bytes[at + 11] = checksum;
  return true;
}

/** Why a packet goes no further: it is too long for the next link, or its destination is not there, or does not take it. */
export type Undeliverable = "too-big" | "host" | "port" | "protocol";

/** RFC 792: type 3 with these codes. */
const ICMP_CODES: Readonly<Record<Undeliverable, number>> = { host: 1, protocol: 2, port: 3, "too-big": 4 };
/** RFC 4443 §3: the type and the code of each. */
const ICMPV6_CODES: Readonly<Record<Undeliverable, readonly [type: number, code: number]>> = {
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
 * @returns an IP packet for the sender, or undefined for an error of ICMP itself, which nobody answers
 */
export function undeliverable(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  how: { readonly version: IpFamily; readonly why: Undeliverable; readonly mtuBytes?: number },
): Uint8Array | undefined {
  const { version, why, mtuBytes = 0 } = how;
  const isIpv4 = version === 4;
  const headerBytes = isIpv4 ? 20 : 40;
  const bodyAt = at + (isIpv4 ? ((bytes[at] ?? 0) & 0x0f) * 4 : 40);
  if (isIcmpError(isIpv4, bytes[at + (isIpv4 ? 9 : 6)], bytes[bodyAt])) return undefined;
  const quoted = bytes.subarray(at, at + lengthBytes)
    .subarray(0, (isIpv4 ? MAX_ICMP_BYTES : MAX_ICMPV6_BYTES) - headerBytes - ICMP_HEADER_BYTES);
  const answer = new Uint8Array(headerBytes + ICMP_HEADER_BYTES + quoted.length);
  const view = new DataView(answer.buffer);
  const addressBytes = isIpv4 ? 4 : 16;
  const sourceAt = ipSourceOffset(version);
  const destinationAt = ipDestinationOffset(version);
  answer.set(bytes.subarray(at + destinationAt, at + destinationAt + addressBytes), sourceAt);
  answer.set(bytes.subarray(at + sourceAt, at + sourceAt + addressBytes), destinationAt);
  answer.set(quoted, headerBytes + ICMP_HEADER_BYTES);
  const icmpBytes = answer.length - headerBytes;
  if (isIpv4) {
    answer.set([0x45, 0], 0);
    view.setUint16(2, answer.length);
    answer.set([HOP_LIMIT, PROTOCOL_ICMP], 8);
    view.setUint16(10, internetChecksum(answer, 0, headerBytes));
    answer.set([3, ICMP_CODES[why]], headerBytes);
    view.setUint16(headerBytes + 6, mtuBytes);
    view.setUint16(headerBytes + 2, internetChecksum(answer, headerBytes, icmpBytes));
    return answer;
  }
  answer[0] = 0x60;
  view.setUint16(4, icmpBytes);
  answer.set([PROTOCOL_ICMPV6, HOP_LIMIT], 6);
  answer.set(ICMPV6_CODES[why], headerBytes);
  view.setUint32(headerBytes + 4, why === "protocol" ? IPV6_NEXT_HEADER_AT : mtuBytes);
  view.setUint16(headerBytes + 2, transportChecksum(answer, headerBytes, PROTOCOL_ICMPV6));
  return answer;
}

/** RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e). */
function isIcmpError(isIpv4: boolean, protocol = 0, type = 0): boolean {
  if (isIpv4) return protocol === PROTOCOL_ICMP && [3, 4, 5, 11, 12].includes(type);
  return protocol === PROTOCOL_ICMPV6 && type < 128;
}
