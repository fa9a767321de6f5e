/**
 * What stands between the header of an IPv6 packet and what it carries (RFC 8200 §4).
 *
 *      0  next header
 *      1  length in 8 bytes, the first 8 not counted     but the fragment header has 8 bytes:
 *      2  options, padded                                 2  offset in 8 bytes, 13 bits, and whether more follow
 *
 * @module
 */

import { uint16At } from "./ip_packet.ts";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const HEADER_BYTES = 40;
/** Each may occur once, destination options twice (RFC 8200 §4.1). */
const MAX_EXTENSIONS = 8;

/** What an IPv6 packet carries; one object is used for all packets. */
export class Ipv6Payload {
  /** As in the last header before it. */
  protocol = 0;
  /** Where it begins, and where the packet ends by its own header. */
  at = 0;
  end = 0;
  /** It is a part of what was sent, the first or a later one. */
  isFragment = false;
  isLaterFragment = false;

  /**
   * @param at where the packet begins
   * @param available how many bytes there are from there
   * @returns false when headers are cut off or are too many
   */
  read(bytes: Uint8Array, at: number, available: number): boolean {
    if (available < HEADER_BYTES || (bytes[at] ?? 0) >> 4 !== 6) return false;
    const end = at + HEADER_BYTES + uint16At(bytes, at + 4);
    if (end > at + available) return false;
    let protocol = bytes[at + 6] ?? 0;
    let next = at + HEADER_BYTES;
    this.isFragment = false;
    this.isLaterFragment = false;
    for (let count = 0; !this.isLaterFragment && isExtension(protocol); count++) {
      if (count === MAX_EXTENSIONS || next + 8 > end) return false;
      const lengthBytes = protocol === FRAGMENT ? 8 : 8 * ((bytes[next + 1] ?? 0) + 1);
      if (protocol === FRAGMENT) {
        this.isFragment = true;
        this.isLaterFragment = uint16At(bytes, next + 2) >> 3 !== 0;
      }
      protocol = bytes[next] ?? 0;
      next += lengthBytes;
      if (next > end) return false;
    }
    this.protocol = protocol;
    this.at = next;
    this.end = end;
    return true;
  }
}

/** Whether it is the number of a header that stands before what is carried. */
export function isExtension(protocol: number): boolean {
  return protocol === HOP_BY_HOP || protocol === ROUTING || protocol === FRAGMENT ||
    protocol === DESTINATION_OPTIONS;
}

/**
 * The checksum of ICMPv6 over pseudo-header and message, wherever in the packet it stands (RFC 4443 §2.3).
 * @param packetAt where the packet begins
 * @param at where the message begins
 * @returns 0 when it is filled in rightly; with an empty field, what belongs there
 */
export function icmpv6Checksum(bytes: Uint8Array, packetAt: number, at: number, lengthBytes: number): number {
  let sum = 58 + lengthBytes;
  for (let i = packetAt + 8; i < packetAt + 40; i += 2) sum += uint16At(bytes, i);
  const even = at + (lengthBytes & ~1);
  for (let i = at; i < even; i += 2) sum += uint16At(bytes, i);
  if (lengthBytes & 1) sum += (bytes[even] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
