/**
 * The label stack of MPLS (RFC 3032 §2.1), which RFC 7510 §3 puts behind a UDP header, and the control word of a
 * pseudowire that carries Ethernet (RFC 4448 §4.6).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                Label                  | TC  |S|       TTL     |  each entry; the last has S
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |0 0 0 0|          Reserved     |       Sequence Number         |  control word (optional)
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import { putUint32, uint32At } from "../fields.ts";

/** One entry of the stack. */
export const MPLS_ENTRY_BYTES = 4;
/** RFC 4448 §4.6. */
export const CONTROL_WORD_BYTES = 4;
/** The largest number of 20 bits. */
export const MAX_LABEL = 0xf_ffff;
/** RFC 3032 §2.1: 0 to 15 are reserved. */
export const MIN_LABEL = 16;
/** How many entries are read of a stack; one that is deeper is none of ours. */
export const MAX_LABELS_READ = 16;
/** RFC 3032 §2.1: explicit null of IPv4 and of IPv6, which say nothing but the class. */
export const EXPLICIT_NULL: { readonly IPV4: 0; readonly IPV6: 2 } = { IPV4: 0, IPV6: 2 };
/** RFC 6790 §3: the label behind it tells flows apart, and means nothing else. */
export const ENTROPY_INDICATOR = 7;

/** One entry of the stack. */
export interface MplsEntry {
  /** 20 bits. */
  readonly label: number;
  /** How urgent it is, 0 to 7 (RFC 5462). */
  readonly trafficClass: number;
  /** 8 bits. */
  readonly ttl: number;
}

/** @returns 4 bytes for each entry; the last one says that it is the last */
export function encodeStack(entries: readonly MplsEntry[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(entries.length * MPLS_ENTRY_BYTES);
  entries.forEach(({ label, trafficClass, ttl }, i) => {
    const isLast = i === entries.length - 1 ? 0x100 : 0;
    putUint32(bytes, i * MPLS_ENTRY_BYTES, label * 0x1000 + (trafficClass << 9) + isLast + ttl);
  });
  return bytes;
}

/** @returns the entries, or undefined when no entry within the bytes, of 16 at most, is the last */
export function decodeStack(bytes: Uint8Array): MplsEntry[] | undefined {
  const entries: MplsEntry[] = [];
  for (let at = 0; at + MPLS_ENTRY_BYTES <= bytes.length && entries.length < MAX_LABELS_READ;) {
    const word = uint32At(bytes, at);
    entries.push({ label: word >>> 12, trafficClass: (word >>> 9) & 7, ttl: word & 0xff });
    if ((word & 0x100) !== 0) return entries;
    at += MPLS_ENTRY_BYTES;
  }
  return undefined;
}
