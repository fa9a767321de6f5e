/**
 * Cutting IP packets that are too long for a link: those of IPv4 that may be cut (RFC 791 §2.3, §3.2), and those of IPv6
 * where a link has less than the least MTU, so that it has to cut and join below IPv6 (RFC 8200 §5): here by the
 * receiver's own fragment header (§4.5).
 * @module
 */

import { internetChecksum, putUint16, uint16At } from "./ip_packet.ts";

/** RFC 8200 §5: every link of IPv6 carries packets of so many bytes. */
export const IPV6_LEAST_MTU_BYTES = 1280;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;
const IPV4_HEADER_BYTES = 20;
/** Of an option's type: later fragments have it, too. */
const IS_COPIED = 0x80;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

const IPV6_HEADER_BYTES = 40;
const IPV6_NEXT_HEADER_AT = 6;
const FRAGMENT_HEADER_BYTES = 8;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const MORE_FRAGMENTS_V6 = 1;

/** @returns whether the IPv4 packet at `at` may be cut on its way */
export function mayBeCut(bytes: Uint8Array, at: number): boolean {
  return (uint16At(bytes, at + 6) & DONT_FRAGMENT) === 0;
}

/**
 * @param packet of IPv4, whole, its header checked; it may be a fragment
 * @param mtuBytes how long each fragment may be, 68 at least (RFC 791 §3.2)
 * @returns the fragments, in their order
 */
export function cutIpv4(packet: Uint8Array, mtuBytes: number): Uint8Array<ArrayBuffer>[] {
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  const first = packet.subarray(0, headerBytes);
  const later = laterHeader(first);
  const field = uint16At(packet, 6);
  const fragments: Uint8Array<ArrayBuffer>[] = [];
  for (let from = headerBytes; from < packet.length;) {
    const header = from === headerBytes ? first : later;
    const part = packet.subarray(from, from + ((mtuBytes - header.length) & ~7));
    if (part.length === 0) return [];
    const fragment = new Uint8Array(header.length + part.length);
    fragment.set(header);
    fragment.set(part, header.length);
    const offset = (field & OFFSET) + ((from - headerBytes) >> 3);
    from += part.length;
    putUint16(fragment, 2, fragment.length);
    putUint16(fragment, 6, offset | (from < packet.length ? MORE_FRAGMENTS : field & MORE_FRAGMENTS));
    putUint16(fragment, 10, 0);
    putUint16(fragment, 10, internetChecksum(fragment, 0, header.length));
    fragments.push(fragment);
  }
  return fragments;
}

/**
 * @param packet of IPv6, whole, its header checked; it may be a fragment
 * @param mtuBytes how long each fragment may be
 * @param identification 32 bits that no other packet between these hosts has had lately
 * @returns the fragments, in their order; none when the headers before what can be cut contradict themselves
 */
export function cutIpv6(
  packet: Uint8Array,
  mtuBytes: number,
  identification: number,
): Uint8Array<ArrayBuffer>[] {
  let nextAt = IPV6_NEXT_HEADER_AT;
  let end = IPV6_HEADER_BYTES;
  for (let next = packet[nextAt]; next === HOP_BY_HOP || next === ROUTING; next = packet[nextAt]) {
    nextAt = end;
    end += 8 * ((packet[end + 1] ?? 0) + 1);
  }
  const isFragment = packet[nextAt] === FRAGMENT;
  const start = isFragment ? end + FRAGMENT_HEADER_BYTES : end;
  const partBytes = (mtuBytes - end - FRAGMENT_HEADER_BYTES) & ~7;
  const fragments: Uint8Array<ArrayBuffer>[] = [];
  if (partBytes <= 0 || start > packet.length) return fragments;
  const field = isFragment ? uint16At(packet, end + 2) : 0;
  for (let from = start; from < packet.length; from += partBytes) {
    const part = packet.subarray(from, from + partBytes);
    const fragment = new Uint8Array(end + FRAGMENT_HEADER_BYTES + part.length);
    fragment.set(packet.subarray(0, end));
    fragment.set(part, end + FRAGMENT_HEADER_BYTES);
    putUint16(fragment, 4, fragment.length - IPV6_HEADER_BYTES);
    fragment[nextAt] = FRAGMENT;
    if (isFragment) fragment.set(packet.subarray(end, end + FRAGMENT_HEADER_BYTES), end);
    else {
      fragment[end] = packet[nextAt] ?? 0;
      new DataView(fragment.buffer).setUint32(end + 4, identification);
    }
    const isLast = from + partBytes >= packet.length;
    // The offset counts 8 bytes from its fourth bit on, so that it is one of bytes in its place.
    const offset = (field & ~7) + from - start;
    putUint16(fragment, end + 2, offset | (isLast ? field & MORE_FRAGMENTS_V6 : MORE_FRAGMENTS_V6));
    fragments.push(fragment);
  }
  return fragments;
}

/** @returns the header of all fragments but the first: with those options that are to be copied */
function laterHeader(first: Uint8Array): Uint8Array {
  if (first.length === IPV4_HEADER_BYTES) return first;
  const options: number[] = [];
  for (let at = IPV4_HEADER_BYTES; at < first.length && first[at] !== END_OF_OPTIONS;) {
    const type = first[at] ?? 0;
    const lengthBytes = type === NO_OPERATION ? 1 : Math.max(2, first[at + 1] ?? 0);
    if ((type & IS_COPIED) !== 0) options.push(...first.subarray(at, at + lengthBytes));
    at += lengthBytes;
  }
  const header = new Uint8Array(IPV4_HEADER_BYTES + Math.ceil(options.length / 4) * 4);
  header.set(first.subarray(0, IPV4_HEADER_BYTES));
  header.set(options, IPV4_HEADER_BYTES);
  header[0] = 0x40 | (header.length / 4);
  return header;
}
