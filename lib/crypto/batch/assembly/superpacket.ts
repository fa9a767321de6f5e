/**
 * Superpackets of the host: cut into packets, completed and sealed in one go (virtio specification §5.1.6). The header
 * of each packet is written over the end of the one before, which has been sealed or copied by then.
 *
 *     at - 10         at          head        + size       + 2 size
 *     virtio header | IP, TCP | payload 0  | payload 1  | payload 2 ...
 *
 * A packet may stand inside of another one, as the frames of an overlay network do: all that is before the inner IP header
 * then belongs to the head. The virtio header counts from `at`.
 *
 *     at - 10         at                                           at + inner
 *     virtio header | outer IP, perhaps UDP | encapsulation, Ethernet | IP, TCP | payload 0 ...
 *
 * @module
 */

import { beginMessage, endSealing, HEADER_BYTES, sealMessage, TAG_BYTES } from "./batch";
import { fold, sum, swap16 } from "./checksum";
import { loadKey } from "./cipher";
import { HEAD, MAX_HEAD_BYTES, RESULT } from "./layout";

/** The virtio header, in front of a packet; its integers are in host order. */
export const VIRTIO_BYTES: usize = 10;
/** The checksum is only begun: the sum of the pseudo-header stands in its place. */
export const NEEDS_CHECKSUM: u32 = 1;
/** Kinds of superpackets. */
export const GSO_TCP4: u32 = 1;
/** See `GSO_TCP4`. */
export const GSO_TCP6: u32 = 4;
/** See `GSO_TCP4`. */
export const GSO_UDP: u32 = 5;
/** Protocol numbers. */
export const TCP: u32 = 6;
/** See `TCP`. */
export const UDP: u32 = 17;
/** TCP's flags (RFC 9293 §3.1). */
export const FIN: u32 = 0x01;
/** See `FIN`. */
export const PSH: u32 = 0x08;
const CWR: u32 = 0x80;

const MALFORMED: i32 = -1;
const NO_ROOM: i32 = 0;

/** What becomes of packets: they are sealed; or laid out as messages, for others to seal; or cut and no more. */
const SEAL: u32 = 0;
const LAY_OUT: u32 = 1;
const CUT: u32 = 2;

/**
 * Seals all packets of a superpacket, which is overwritten; `RESULT` tells how many there are, and the length of all
 * messages but the last.
 *
 * @param room how many bytes are free from `to` on
 * @param mtu packets are padded to multiples of 16 bytes, though not beyond this
 * @param counter of the first packet
 * @param inner where the IP packet stands that is cut; unless that is 0, the length of the outer one is filled in, too
 * @returns the bytes of all messages, 0 when there is too little room, -1 when the header contradicts the packet
 */
export function sealSuperpacket(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  inner: usize,
): i32 {
  loadKey();
  const bytes = toMessages(at, length, to, room, remoteIndex, mtu, counter, inner, SEAL);
  // The key is wiped, whatever came of it.
  if (bytes <= 0) endSealing(0, 0);
  return bytes;
}

/**
 * Does the same, but encrypts nothing: texts stand behind their headers, padded, with room for tags. It needs no key.
 * @returns what `sealSuperpacket` returns
 */
export function layOutSuperpacket(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  inner: usize,
): i32 {
  return toMessages(at, length, to, room, remoteIndex, mtu, counter, inner, LAY_OUT);
}

function toMessages(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  inner: usize,
  purpose: u32,
): i32 {
  const kind = gsoKind(at), outer: i32 = inner === 0 ? 0 : outerHeadBytes(at, inner);
  return outer < 0
    ? MALFORMED
    : kind === 0
    ? wholeMessage(at, length, to, room, remoteIndex, mtu, counter, <usize> outer, purpose)
    : cut(at, length, to, room, remoteIndex, mtu, counter, kind, inner, <usize> outer, purpose);
}

/**
 * Cuts and completes a superpacket as `sealSuperpacket` does, and seals nothing: its packets stand one behind the other.
 * @param inner where the IP packet stands that is cut; what is before it is repeated before each
 * @returns the bytes of all packets, 0 when there is too little room, -1 when the header contradicts the packet
 */
export function cutSuperpacket(at: usize, length: usize, to: usize, room: usize, inner: usize): i32 {
  const kind = gsoKind(at);
  if (kind !== 0) return cut(at, length, to, room, 0, 0, 0, kind, inner, 0, CUT);
  if (length === 0) return MALFORMED;
  if (length > room) return NO_ROOM;
  if (!finishWhole(at, length)) return MALFORMED;
  memory.copy(to, at, length);
  store<u32>(RESULT, 1);
  store<u32>(RESULT, <u32> length, 4);
  return <i32> length;
}

function gsoKind(at: usize): u32 {
  // The top bit marks congestion notification, which needs nothing of us.
  return load<u8>(at - VIRTIO_BYTES, 1) & 0x7f;
}

/** @returns the length of the outer IP header, which has no options; -1 when there is none within `inner` bytes */
function outerHeadBytes(at: usize, inner: usize): i32 {
  const first: u32 = load<u8>(at), bytes: usize = first === 0x45 ? 20 : (first >> 4) === 6 ? 40 : 0;
  return bytes === 0 || inner < bytes + leastBehind(at, bytes) ? MALFORMED : <i32> bytes;
}

/** @returns what stands behind an outer IP header at least: UDP's header, or the shortest one of a driver (RFC 2784 §2.1) */
function leastBehind(at: usize, outer: usize): usize {
  const protocol: u32 = outer === 20 ? load<u8>(at, 9) : load<u8>(at, 6);
  return protocol === UDP ? 8 : 4;
}

function wholeMessage(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  outer: usize,
  purpose: u32,
): i32 {
  if (length === 0 || (outer !== 0 && length <= outer + leastBehind(at, outer))) return MALFORMED;
  const padded = paddedLength(length, mtu), bytes = HEADER_BYTES + padded + TAG_BYTES;
  // Nothing is changed before there is room, so that the caller can come again.
  if (bytes > room) return NO_ROOM;
  if (!finishWhole(at, length)) return MALFORMED;
  if (outer !== 0) finishOuter(at, length, outer, outerSum(at, outer));
  if (purpose === SEAL) {
    const blocks = sealMessage(0, 0, at, length, padded, to, remoteIndex, <u64> counter);
    endSealing(blocks, to + HEADER_BYTES + padded);
  } else layOut(at, length, padded, to, remoteIndex, <u64> counter);
  store<u32>(RESULT, 1);
  store<u32>(RESULT, <u32> bytes, 4);
  return <i32> bytes;
}

/** Cuts a superpacket whose inner packet begins at `inner`, completes its packets, and does with them what is wanted. */
function cut(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  kind: u32,
  inner: usize,
  outer: usize,
  purpose: u32,
): i32 {
  const virtio = at - VIRTIO_BYTES;
  const size: usize = load<u16>(virtio, 4), start: usize = load<u16>(virtio, 6);
  const isTcp = kind === GSO_TCP4 || kind === GSO_TCP6;
  if (size === 0 || (!isTcp && kind !== GSO_UDP)) return MALFORMED;
  const least: usize = isTcp ? 20 : 8;
  if (start > MAX_HEAD_BYTES - 60 || length < start + least || start < inner) return MALFORMED;
  const ip = at + inner, ipHead = start - inner, version: u32 = load<u8>(ip) >> 4;
  if (!(version === 4 && ipHead >= 20) && !(version === 6 && ipHead >= 40)) return MALFORMED;
  const transport: usize = isTcp ? (<usize> load<u8>(at + start, 12) >> 4) << 2 : 8;
  const head = start + transport;
  if (transport < least || length <= head) return MALFORMED;

  const payload = length - head, count = (payload + size - 1) / size;
  const longest = head + min(payload, size);
  const segment = purpose === CUT ? longest : HEADER_BYTES + paddedLength(longest, mtu) + TAG_BYTES;
  if (<u64> segment * <u64> count > <u64> room) return NO_ROOM;

  const tcpFlags: u32 = isTcp ? load<u8>(at + start, 13) : 0;
  const identification = swap16(load<u16>(ip, 4)), sequence = bswap<u32>(load<u32>(at + start, 4));
  const checksumAt = start + (isTcp ? 16 : 6);
  // What differs from packet to packet counts as zero in the sums, and is added to each.
  if (version === 4) {
    clear16(ip, 2);
    clear16(ip, 4);
    clear16(ip, 10);
  } else clear16(ip, 4);
  clear16(at, checksumAt);
  if (isTcp) {
    store<u32>(at + start, 0, 4);
    store<u8>(at + start, 0, 13);
  } else clear16(at, start + 4);
  const outSum = outer === 0 ? 0 : outerSum(at, outer);
  const ipSum = version === 4 ? sum(ip, ipHead) : 0;
  const addresses = version === 4 ? sum(ip + 12, 8) : sum(ip + 8, 32);
  const headSum = addresses + ((isTcp ? TCP : UDP) << 8) + sum(at + start, transport);
  copy(at, HEAD, head);

  let blocks: usize = 0, tag: usize = 0, out = to, packet = at, left = payload;
  for (let i: usize = 0; i < count; i++) {
    const bytes = min(left, size);
    left -= bytes;
    if (i !== 0) copy(HEAD, packet, head);
    const packetLength = head + bytes, packetIp = packet + inner;
    if (version === 4) {
      // Each packet has its own identification (RFC 6864 §4.2).
      const wireLength = swap16(<u32> (packetLength - inner)), wireId = swap16(identification + <u32> i);
      store<u16>(packetIp, <u16> wireLength, 2);
      store<u16>(packetIp, <u16> wireId, 4);
      store<u16>(packetIp, <u16> ~fold(ipSum + wireLength + wireId), 10);
    } else store<u16>(packetIp, <u16> swap16(<u32> (packetLength - inner - 40)), 4);
    const segmentLength = swap16(<u32> (packetLength - start));
    let total = headSum + segmentLength + sum(packet + head, bytes);
    if (isTcp) {
      // RFC 9293 §3.1 and RFC 3168 §6.1.2: the end is announced by the last, the narrowed window by the first.
      let flags = tcpFlags;
      if (left !== 0) flags &= ~(FIN | PSH);
      if (i !== 0) flags &= ~CWR;
      const wireSequence = bswap<u32>(sequence + <u32> (i * size));
      store<u32>(packet + start, wireSequence, 4);
      store<u8>(packet + start, <u8> flags, 13);
      total += <u64> wireSequence + (flags << 8);
    } else {
      store<u16>(packet + start, <u16> segmentLength, 4);
      total += segmentLength;
    }
    const checksum = ~fold(total) & 0xffff;
    // For UDP zero means that there is none (RFC 768).
    store<u16>(packet + checksumAt, <u16> (checksum === 0 && !isTcp ? 0xffff : checksum));
    if (outer !== 0) finishOuter(packet, packetLength, outer, outSum);
    if (purpose === CUT) {
      memory.copy(out, packet, packetLength);
      out += packetLength;
    } else {
      const padded = paddedLength(packetLength, mtu);
      if (purpose === SEAL) {
        blocks = sealMessage(blocks, tag, packet, packetLength, padded, out, remoteIndex, <u64> counter + i);
      } else layOut(packet, packetLength, padded, out, remoteIndex, <u64> counter + i);
      tag = out + HEADER_BYTES + padded;
      out = tag + TAG_BYTES;
    }
    packet += size;
  }
  if (purpose === SEAL) endSealing(blocks, tag);
  store<u32>(RESULT, <u32> count);
  store<u32>(RESULT, <u32> segment, 4);
  return <i32> (out - to);
}

/** Writes a message with its text not encrypted, and no tag. */
function layOut(from: usize, length: usize, padded: usize, to: usize, remoteIndex: u32, counter: u64): void {
  const text = to + HEADER_BYTES;
  copy(from, text, length);
  for (let i = length; i < padded; i++) store<u8>(text + i, 0);
  beginMessage(to, remoteIndex, counter);
}

/** @returns the sum of an outer header of IPv4, without what `finishOuter` fills in */
function outerSum(at: usize, outer: usize): u64 {
  if (outer !== 20) return 0;
  clear16(at, 2);
  clear16(at, 10);
  return sum(at, 20);
}

/** Fills in the lengths of the outer headers, and the checksum of IPv4; UDP has none (RFC 7348 §5, RFC 6935 §5). */
function finishOuter(at: usize, length: usize, outer: usize, headSum: u64): void {
  const transport = at + outer;
  if (outer === 20) {
    const wireLength = swap16(<u32> length);
    store<u16>(at, <u16> wireLength, 2);
    store<u16>(at, <u16> ~fold(headSum + wireLength), 10);
  } else store<u16>(at, <u16> swap16(<u32> (length - 40)), 4);
  const protocol: u32 = outer === 20 ? load<u8>(at, 9) : load<u8>(at, 6);
  if (protocol === UDP) store<u16>(transport, <u16> swap16(<u32> (length - outer)), 4);
}

/** Completes the checksum of a packet that is not cut, if that is left to do. @returns false when it can't be */
function finishWhole(at: usize, length: usize): bool {
  return (load<u8>(at - VIRTIO_BYTES) & NEEDS_CHECKSUM) === 0 || finishChecksum(at, length);
}

/** Completes the checksum of a packet that is not cut. @returns false when there is no such place */
function finishChecksum(at: usize, length: usize): bool {
  const virtio = at - VIRTIO_BYTES;
  const start: usize = load<u16>(virtio, 6), place = start + <usize> load<u16>(virtio, 8);
  if (start > length || place + 2 > length) return false;
  // The sum of the pseudo-header stands there already and is counted as it is.
  const checksum = ~fold(sum(at + start, length - start)) & 0xffff;
  store<u16>(at + place, <u16> (checksum === 0 ? 0xffff : checksum));
  return true;
}

/** WireGuard paper §5.4.6: padding hides the length, within what the interface carries. */
function paddedLength(length: usize, mtu: usize): usize {
  const padded = (length + 15) & ~15;
  return padded > mtu ? max(length, mtu) : padded;
}

@inline
function clear16(at: usize, offset: usize): void {
  store<u16>(at + offset, 0);
}

/** Copies a head or a packet; a call of `memory.copy` would take longer than that. */
function copy(from: usize, to: usize, length: usize): void {
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i + 4 <= length; i += 4) store<u32>(to + i, load<u32>(from + i));
  for (; i < length; i++) store<u8>(to + i, load<u8>(from + i));
}
