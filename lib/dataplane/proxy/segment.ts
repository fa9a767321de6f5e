/**
 * TCP segments, read and readdressed in place (RFC 9293 §3.1):
 *
 *      0  source port            2  destination port
 *      4  sequence number
 *      8  acknowledgement number
 *     12  header length in words, in the upper 4 bits
 *     13  flags: CWR ECE URG ACK PSH RST SYN FIN
 *     16  checksum               20  options, payload
 *
 * @module
 */

import {
  type IpAddress,
  ipDestinationOffset,
  type IpFamily,
  ipPayloadOffset,
  ipSourceOffset,
  ipVersion,
  putUint16,
  uint16At,
} from "../../net/mod.ts";

/** Without options. */
export const TCP_HEADER_BYTES = 20;
/** Flags of a segment. */
export const TCP_FLAGS = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 } as const;

const CHECKSUM_AT = 16;

/** A packet in the memory of a plane. */
export interface PacketView {
  readonly bytes: Uint8Array;
  /** Where it begins, where what it carries does, and where it ends. */
  readonly at: number;
  readonly payload: number;
  readonly end: number;
  readonly version: IpFamily;
  /** Whether its checksum is only begun. */
  readonly isPartial: boolean;
}

/** @returns the 32 bits at `at`, in network order, from 0 */
export function uint32At(bytes: Uint8Array, at: number): number {
  return uint16At(bytes, at) * 0x10000 + uint16At(bytes, at + 2);
}

/** @returns how many bytes the header has, 20 to 60; 0 when it is cut off at `end` or contradicts itself */
export function tcpHeaderBytes(bytes: Uint8Array, at: number, end: number): number {
  if (at + TCP_HEADER_BYTES > end) return 0;
  const length = ((bytes[at + 12] ?? 0) >> 4) * 4;
  return length < TCP_HEADER_BYTES || at + length > end ? 0 : length;
}

/** @returns how many sequence numbers a segment takes: its payload, SYN and FIN (RFC 9293 §3.4) */
export function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const flags = bytes[at + 13] ?? 0;
  return end - at - tcpHeaderBytes(bytes, at, end) + ((flags & TCP_FLAGS.SYN) >> 1) + (flags & TCP_FLAGS.FIN);
}

/** Exchanges source and destination; no checksum changes, since the sum of both stays what it was. */
export function swapAddresses(bytes: Uint8Array, at: number, version: IpFamily): void {
  const source = at + ipSourceOffset(version);
  const destination = at + ipDestinationOffset(version);
  const length = destination - source;
  for (let i = 0; i < length; i++) {
    const byte = bytes[source + i] ?? 0;
    bytes[source + i] = bytes[destination + i] ?? 0;
    bytes[destination + i] = byte;
  }
}

/**
 * Turns a segment round: from where it was sent to, by other ports.
 * @param at where the IP packet begins
 * @param segment where the TCP header begins
 * @param isPartial whether the checksum is only begun: then it holds the sum of the pseudo-header, without any port
 */
export function turnSegment(
  bytes: Uint8Array,
  at: number,
  version: IpFamily,
  segment: number,
  source: number,
  destination: number,
  isPartial: boolean,
): void {
  swapAddresses(bytes, at, version);
  const before = uint16At(bytes, segment) + uint16At(bytes, segment + 2);
  putUint16(bytes, segment, source);
  putUint16(bytes, segment + 2, destination);
  if (!isPartial) updateChecksum(bytes, segment + CHECKSUM_AT, before, source + destination);
}

/**
 * Follows a change of 16-bit words in a checksum, by eqn. 3 of RFC 1624 §3: `HC' = ~(~HC + ~m + m')`.
 * @param before the sum of the words that have changed, at most two
 * @param after their sum now
 */
export function updateChecksum(bytes: Uint8Array, at: number, before: number, after: number): void {
  // ~m of two words is 2 * 0xffff - m, which is 0 in one's complement but keeps the sum positive.
  let sum = (~uint16At(bytes, at) & 0xffff) + (2 * 0xffff - before) + after;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  putUint16(bytes, at, ~sum & 0xffff);
}

/** @returns the version of an IP packet that was checked */
export function versionOf(packet: Uint8Array): IpFamily {
  return ipVersion(packet) === 6 ? 6 : 4;
}

/** @returns where that which a whole IP packet carries begins */
export function payloadOf(packet: Uint8Array): number {
  return ipPayloadOffset(packet, 0, versionOf(packet));
}

/** @returns the headers of a segment, as far as a reset reads them */
export function segmentBetween(
  from: IpAddress,
  to: IpAddress,
  source: number,
  destination: number,
): Uint8Array {
  const version = from.family;
  const start = version === 4 ? 20 : 40;
  const packet = new Uint8Array(start + 20);
  packet[0] = version === 4 ? 0x45 : 0x60;
  packet.set(from.bytes, ipSourceOffset(version));
  packet.set(to.bytes, ipDestinationOffset(version));
  putUint16(packet, start, source);
  putUint16(packet, start + 2, destination);
  return packet;
}
