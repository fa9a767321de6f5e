/**
 * What a router must know of an IP packet, read in place.
 *
 *     IPv4 (RFC 791 §3.1)                            IPv6 (RFC 8200 §3)
 *      0  version 4, header length in words           0  version 6, traffic class, flow label
 *      2  total length                                4  payload length
 *      9  protocol                                    6  next header
 *     12  source                                      8  source
 *     16  destination                                24  destination
 *     20  options, payload                           40  payload
 *
 * @module
 */

import type { IpFamily } from "./ip_address.ts";

/** Numbers of protocols in IP headers. */
export const IP_PROTOCOL: { readonly ICMP: 1; readonly TCP: 6; readonly UDP: 17; readonly ICMPV6: 58 } = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ICMPV6: 58,
};

/** How far a packet of this node's own making goes. */
const REPLY_HOPS = 64;
/** Without options. */
const IPV4_MIN_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/**
 * @param at where the packet begins
 * @returns the version in the first four bits, or 0 when it is neither 4 nor 6 or there is no such byte
 */
export function ipVersion(packet: Uint8Array, at = 0): IpFamily | 0 {
  const version = (packet[at] ?? 0) >> 4;
  return version === 4 || version === 6 ? version : 0;
}

/**
 * Checks the header as far as forwarding relies on it. What follows the packet, such as WireGuard's padding, is
 * not counted.
 * @param at where the packet begins in `bytes`, so that no view is needed
 * @param available how many bytes there are from there
 * @returns bytes of the packet by its own header, or undefined when the header is cut off or claims more than
 * there is; where it is defined, source and destination can be read
 */
export function ipPacketLength(
  bytes: Uint8Array,
  at = 0,
  available: number = bytes.length - at,
): number | undefined {
  let length = 0;
  switch (ipVersion(bytes, at)) {
    case 4: {
      if (available < IPV4_MIN_HEADER_BYTES) return undefined;
      const headerLength = ((bytes[at] ?? 0) & 0x0f) * 4;
      length = uint16At(bytes, at + 2);
      if (headerLength < IPV4_MIN_HEADER_BYTES || length < headerLength) return undefined;
      break;
    }
    case 6:
      if (available < IPV6_HEADER_BYTES) return undefined;
      // DEVIATION: the jumbograms of RFC 2675 (payload length 0) are not known; no tunnel has such an MTU.
      length = IPV6_HEADER_BYTES + uint16At(bytes, at + 4);
      break;
    default:
      return undefined;
  }
  return length <= available ? length : undefined;
}

/** @returns where the source address starts in a packet of this version, in bytes */
export function ipSourceOffset(version: IpFamily): number {
  return version === 4 ? 12 : 8;
}

/** @returns where the destination address starts in a packet of this version, in bytes */
export function ipDestinationOffset(version: IpFamily): number {
  return version === 4 ? 16 : 24;
}

/**
 * @param at where a packet of this `version` begins; its header has been checked
 * @returns where that which it carries begins, behind the options of IPv4; extension headers of IPv6 are carried
 */
export function ipPayloadOffset(packet: Uint8Array, at: number, version: IpFamily): number {
  return at + (version === 4 ? ((packet[at] ?? 0) & 0x0f) * 4 : IPV6_HEADER_BYTES);
}

/**
 * Begins a packet against the direction of another one: from its destination to its source, with an empty payload.
 * @param at where that one, of this `version`, begins; its header has been checked
 * @param protocol one of `IP_PROTOCOL`
 * @returns the packet, and where its payload begins
 */
export function beginIpReply(
  packet: Uint8Array,
  at: number,
  version: IpFamily,
  payload: { readonly protocol: number; readonly lengthBytes: number },
): { readonly reply: Uint8Array<ArrayBuffer>; readonly start: number } {
  const { protocol, lengthBytes } = payload;
  const start = version === 4 ? IPV4_MIN_HEADER_BYTES : IPV6_HEADER_BYTES;
  const reply = new Uint8Array(start + lengthBytes);
  const [from, to] = [ipSourceOffset(version), ipDestinationOffset(version)];
  const addressBytes = to - from;
  reply.set(packet.subarray(at + to, at + to + addressBytes), from);
  reply.set(packet.subarray(at + from, at + to), to);
  if (version === 4) {
    reply[0] = 0x45;
    putUint16(reply, 2, reply.length);
    reply[8] = REPLY_HOPS;
    reply[9] = protocol;
    putUint16(reply, 10, internetChecksum(reply, 0, start));
  } else {
    reply[0] = 0x60;
    putUint16(reply, 4, lengthBytes);
    reply[6] = protocol;
    reply[7] = REPLY_HOPS;
  }
  return { reply, start };
}

/**
 * The Internet checksum (RFC 1071): over a header whose checksum field is filled in rightly it is 0.
 * @param at where to start, in bytes
 * @param length how many bytes; an odd last one is padded with zero
 * @param initial a sum of 16-bit words to start with, such as that of a pseudo header
 * @returns 16 bits, ready to be stored in network order
 * @throws RangeError when the span is not within `bytes`
 */
export function internetChecksum(bytes: Uint8Array, at: number, length: number, initial = 0): number {
  if (at < 0 || length < 0 || at + length > bytes.length) {
    throw new RangeError(`Cannot sum ${length} bytes at ${at}: there are ${bytes.length}`);
  }
  let sum = initial;
  const evenEnd = at + (length & ~1);
  for (let i = at; i < evenEnd; i += 2) sum += uint16At(bytes, i);
  if (length & 1) sum += (bytes[evenEnd] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/**
 * The checksum of TCP, UDP or ICMPv6 over pseudo-header and segment (RFC 9293 §3.1, RFC 8200 §8.1); its field has to be 0,
 * or the answer is 0 when it is filled in rightly.
 * @param packet an IP packet, from its first byte to its last
 * @param start where the segment begins, in bytes
 * @param protocol as in the IP header
 * @returns 16 bits, ready to be stored in network order
 */
export function transportChecksum(packet: Uint8Array, start: number, protocol: number): number {
  const length = packet.length - start;
  const addressesAt = ipVersion(packet) === 4 ? 12 : 8;
  const addressesEnd = addressesAt + (ipVersion(packet) === 4 ? 8 : 32);
  let pseudo = protocol + length;
  for (let i = addressesAt; i < addressesEnd; i += 2) pseudo += uint16At(packet, i);
  return internetChecksum(packet, start, length, pseudo);
}

/** @returns the 16 bits at `at`, in network order */
export function uint16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Writes 16 bits in network order. */
export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}
