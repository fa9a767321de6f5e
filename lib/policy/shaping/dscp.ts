/**
 * Marks of packets: the six bits in front of those of congestion notification (RFC 2474 §3, RFC 3168 §5).
 *
 *     IPv4, byte 1:            DSCP (6), ECN (2)
 *     IPv6, bytes 0 and 1:     version (4), DSCP (6), ECN (2), flow label (4 of 20)
 *
 * @module
 */

import { uint16At } from "../../net/mod.ts";

/**
 * Writes a mark into a packet's header; congestion bits stay, and a header checksum that was right stays right (RFC 1624 §3).
 * The checksums of TCP and UDP do not cover it.
 * @param at where the IP header begins, with 20 bytes at least
 * @param dscp 0 to 63
 */
export function markDscp(bytes: Uint8Array, at: number, dscp: number): void {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  if (first >> 4 === 6) {
    bytes[at] = 0x60 | (dscp >> 2);
    bytes[at + 1] = ((dscp & 0x03) << 6) | (second & 0x3f);
    return;
  }
  const marked = (dscp << 2) | (second & 0x03);
  if (first >> 4 !== 4 || marked === second) return;
  bytes[at + 1] = marked;
  // RFC 1624 §3, equation 3: HC' = ~(~HC + ~m + m').
  const former = (first << 8) | second;
  let sum = (~uint16At(bytes, at + 10) & 0xffff) + (~former & 0xffff) + ((first << 8) | marked);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes[at + 10] = (~sum >>> 8) & 0xff;
  bytes[at + 11] = ~sum & 0xff;
}
