/**
 * Superpackets of the host: cut into packets, completed and sealed in one go (virtio specification §5.1.6). The header
 * of each packet is written over the end of the one before, which has been sealed by then.
 *
 *     at - 10         at          head        + size       + 2 size
 *     virtio header | IP, TCP | payload 0  | payload 1  | payload 2 ...
 *
 * @module
 */

import { HEADER_BYTES, endSealing, sealMessage, TAG_BYTES } from "./batch";
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

/**
 * Seals all packets of a superpacket, which is overwritten; `RESULT` tells how many there are, and the length of all
 * messages but the last.
 *
 * @param room how many bytes are free from `to` on
 * @param mtu packets are padded to multiples of 16 bytes, though not beyond this
 * @param counter of the first packet
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
): i32 {
  loadKey();
  // The top bit marks congestion notification, which needs nothing of us.
  const kind: u32 = load<u8>(at - VIRTIO_BYTES, 1) & 0x7f;
  const bytes = kind === 0
    ? sealWhole(at, length, to, room, remoteIndex, mtu, counter)
    : cutAndSeal(at, length, to, room, remoteIndex, mtu, counter, kind);
  // The key is wiped, whatever came of it.
  if (bytes <= 0) endSealing(0, 0);
  return bytes;
}

function sealWhole(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
): i32 {
  if (length === 0) return MALFORMED;
  const padded = paddedLength(length, mtu), bytes = HEADER_BYTES + padded + TAG_BYTES;
  // Nothing is changed before there is room, so that the caller can come again.
  if (bytes > room) return NO_ROOM;
  if ((load<u8>(at - VIRTIO_BYTES) & NEEDS_CHECKSUM) !== 0 && !finishChecksum(at, length)) return MALFORMED;
  const blocks = sealMessage(0, 0, at, length, padded, to, remoteIndex, <u64> counter);
  endSealing(blocks, to + HEADER_BYTES + padded);
  store<u32>(RESULT, 1);
  store<u32>(RESULT, <u32> bytes, 4);
  return <i32> bytes;
}

function cutAndSeal(
  at: usize,
  length: usize,
  to: usize,
  room: usize,
  remoteIndex: u32,
  mtu: usize,
  counter: f64,
  kind: u32,
): i32 {
  const virtio = at - VIRTIO_BYTES;
  const size: usize = load<u16>(virtio, 4), start: usize = load<u16>(virtio, 6);
  const isTcp = kind === GSO_TCP4 || kind === GSO_TCP6;
  if (size === 0 || (!isTcp && kind !== GSO_UDP)) return MALFORMED;
  const least: usize = isTcp ? 20 : 8;
  if (start > MAX_HEAD_BYTES - 60 || length < start + least) return MALFORMED;
  const version: u32 = load<u8>(at) >> 4;
  if (!(version === 4 && start >= 20) && !(version === 6 && start >= 40)) return MALFORMED;
  const transport: usize = isTcp ? (<usize> load<u8>(at + start, 12) >> 4) << 2 : 8;
  const head = start + transport;
  if (transport < least || length <= head) return MALFORMED;

  const payload = length - head, count = (payload + size - 1) / size;
  const segment = HEADER_BYTES + paddedLength(head + min(payload, size), mtu) + TAG_BYTES;
  if (<u64> segment * <u64> count > <u64> room) return NO_ROOM;

  const tcpFlags: u32 = isTcp ? load<u8>(at + start, 13) : 0;
  const identification = swap16(load<u16>(at, 4)), sequence = bswap<u32>(load<u32>(at + start, 4));
  const checksumAt = start + (isTcp ? 16 : 6);
  // What differs from packet to packet counts as zero in the sums, and is added to each.
  if (version === 4) {
    clear16(at, 2);
    clear16(at, 4);
    clear16(at, 10);
  } else clear16(at, 4);
  clear16(at, checksumAt);
  if (isTcp) {
    store<u32>(at + start, 0, 4);
    store<u8>(at + start, 0, 13);
  } else clear16(at, start + 4);
  const ipSum = version === 4 ? sum(at, start) : 0;
  const addresses = version === 4 ? sum(at + 12, 8) : sum(at + 8, 32);
  const headSum = addresses + ((isTcp ? TCP : UDP) << 8) + sum(at + start, transport);
  copy(at, HEAD, head);

  let blocks: usize = 0, tag: usize = 0, out = to, packet = at, left = payload;
  for (let i: usize = 0; i < count; i++) {
    const bytes = min(left, size);
    left -= bytes;
    if (i !== 0) copy(HEAD, packet, head);
    const packetLength = head + bytes;
    if (version === 4) {
      // Each packet has its own identification (RFC 6864 §4.2).
      const wireLength = swap16(<u32> packetLength), wireId = swap16(identification + <u32> i);
      store<u16>(packet, <u16> wireLength, 2);
      store<u16>(packet, <u16> wireId, 4);
      store<u16>(packet, <u16> ~fold(ipSum + wireLength + wireId), 10);
    } else store<u16>(packet, <u16> swap16(<u32> (packetLength - 40)), 4);
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
    const padded = paddedLength(packetLength, mtu);
    blocks = sealMessage(blocks, tag, packet, packetLength, padded, out, remoteIndex, <u64> counter + i);
    tag = out + HEADER_BYTES + padded;
    out = tag + TAG_BYTES;
    packet += size;
  }
  endSealing(blocks, tag);
  store<u32>(RESULT, <u32> count);
  store<u32>(RESULT, <u32> segment, 4);
  return <i32> (out - to);
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

/** Copies a head; a call of `memory.copy` would take longer than that. */
function copy(from: usize, to: usize, length: usize): void {
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) v128.store(to + i, v128.load(from + i));
  for (; i + 4 <= length; i += 4) store<u32>(to + i, load<u32>(from + i));
  for (; i < length; i++) store<u8>(to + i, load<u8>(from + i));
}
