/**
 * Segments of TCP, readdressed in place (RFC 9293 §3.1).
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
