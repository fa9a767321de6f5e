/**
 * Joining of packets that were opened: neighbours of one flow become a superpacket that the host takes at once. Payloads
 * move down behind the first packet, so that a frame is built where its packets are.
 *
 *     at - 10         at          head
 *     virtio header | IP, TCP | payload 0 | payload 1 <- | payload 2 <- ...
 *
 * Frames of an Ethernet have their header between the virtio header and IP.
 *
 * @module
 */

import { fold, sum, swap16 } from "./checksum";
import { FRAMES, JOIN } from "./layout";
import { GSO_TCP4, GSO_TCP6, GSO_UDP, NEEDS_CHECKSUM, PSH, TCP, UDP, VIRTIO_BYTES } from "./superpacket";

const MAX_FRAME_BYTES: usize = 65_535;
/** The host's limit for one superpacket of UDP. */
const MAX_UDP_PACKETS: u32 = 64;
const ACK: u32 = 0x10;
const DONT_FRAGMENT: u32 = 0x40;

// The frame that may grow, in words of the state: 0 for none, its length, head, payload of each packet, packets.
const FRAME: usize = JOIN;
const LENGTH: usize = JOIN + 4;
const HEAD_BYTES: usize = JOIN + 8;
const SIZE: usize = JOIN + 12;
const PACKETS: usize = JOIN + 16;
// Where its transport header begins, its protocol, the sequence number that comes next.
const START: usize = JOIN + 20;
const PROTOCOL: usize = JOIN + 24;
const SEQUENCE: usize = JOIN + 28;
// Whether a next packet may follow; whether UDP is joined at all; how many frames there are.
const IS_OPEN: usize = JOIN + 32;
const JOINS_UDP: usize = JOIN + 36;
const COUNT: usize = JOIN + 40;
// How long the header of its link is, and the tag of its packets.
const LINK_BYTES: usize = JOIN + 44;
const FRAME_TAG: usize = JOIN + 48;

/** Starts a batch. */
export function beginJoin(joinsUdp: u32): void {
  store<u32>(FRAME, 0);
  store<u32>(COUNT, 0);
  store<u32>(JOINS_UDP, joinsUdp);
}

/**
 * Adds a packet of an address above all before; the 10 bytes in front of it are overwritten. There may be as many as
 * fit into a batch.
 * @param link how long the header of the link is that stands before IP; what has no IP goes alone
 * @param tag 16 bits; packets of different tags are not joined
 */
export function joinPacket(at: usize, length: usize, link: usize, tag: u32): void {
  const ip = at + link, ipLength = length - link;
  const version: u32 = length >= link + 20 ? load<u8>(ip) >> 4 : 0;
  const start: usize = version === 4 ? 20 : 40;
  let protocol: u32 = 0, head: usize = 0;
  if (version === 4) {
    // No options, no fragment, and the length that it says.
    const isPlain = load<u8>(ip) === 0x45 && (load<u16>(ip, 6) & 0xffbf) === 0 &&
      swap16(load<u16>(ip, 2)) === <u32> ipLength;
    if (isPlain) protocol = load<u8>(ip, 9);
  } else if (version === 6 && ipLength >= 40 && swap16(load<u16>(ip, 4)) + 40 === <u32> ipLength) {
    protocol = load<u8>(ip, 6);
  }
  let isLast = false;
  if (protocol === TCP && ipLength >= start + 20) {
    const flags: u32 = load<u8>(ip + start, 13), offset: u32 = load<u8>(ip + start, 12);
    head = start + <usize> (offset >> 2);
    isLast = (flags & PSH) !== 0;
    // Whatever is not plain data goes alone.
    if (head < start + 20 || head >= ipLength || (offset & 15) !== 0 || (flags & ~PSH) !== ACK) head = 0;
  } else if (protocol === UDP && ipLength > start + 8 && load<u32>(JOINS_UDP) !== 0) {
    const isPlain = swap16(load<u16>(ip + start, 4)) === <u32> (ipLength - start) && load<u16>(ip + start, 6) !== 0;
    if (isPlain) head = start + 8;
  }
  if (head !== 0 && load<u32>(IS_OPEN) !== 0 && load<u32>(FRAME_TAG) === tag && hasLink(at, link)) {
    if (continues(ip, ipLength, head, start, protocol) && append(ip, ipLength, isLast)) return;
  }
  endFrame();
  store<u32>(FRAME, <u32> at);
  store<u32>(LENGTH, <u32> ipLength);
  store<u32>(LINK_BYTES, <u32> link);
  store<u32>(FRAME_TAG, tag);
  store<u32>(PACKETS, 1);
  const isOpen = head !== 0 && !isLast && isIntact(ip, ipLength, start, protocol);
  store<u32>(IS_OPEN, isOpen ? 1 : 0);
  if (!isOpen) return;
  store<u32>(HEAD_BYTES, <u32> head);
  store<u32>(SIZE, <u32> (ipLength - head));
  store<u32>(START, <u32> start);
  store<u32>(PROTOCOL, protocol);
  store<u32>(SEQUENCE, bswap<u32>(load<u32>(ip + start, 4)) + <u32> (ipLength - head));
}

/** @returns how many frames stand in `FRAMES` */
export function endJoin(): u32 {
  endFrame();
  return load<u32>(COUNT);
}

/** Whether a packet has the same header of the link as the frame. */
function hasLink(at: usize, link: usize): bool {
  const frame: usize = load<u32>(FRAME);
  if (frame === 0 || load<u32>(LINK_BYTES) !== <u32> link) return false;
  for (let i: usize = 0; i < link; i += 2) if (load<u16>(frame + i) !== load<u16>(at + i)) return false;
  return true;
}

/** Whether the packet comes next in the frame, by its head. */
function continues(at: usize, length: usize, head: usize, start: usize, protocol: u32): bool {
  const link: usize = load<u32>(LINK_BYTES), frame = <usize> load<u32>(FRAME) + link;
  const total: usize = load<u32>(LENGTH), payload = length - head;
  if (load<u32>(PROTOCOL) !== protocol || load<u32>(HEAD_BYTES) !== <u32> head) return false;
  if (payload > <usize> load<u32>(SIZE) || link + total + payload > MAX_FRAME_BYTES) return false;
  // Payloads move down, over what was added already.
  if (at + head < frame + total) return false;
  if (((load<u8>(frame) ^ load<u8>(at)) & 0xf0) !== 0) return false;
  if (start === 20) {
    // Type of service, fragmentation, time to live, addresses.
    if (load<u8>(frame, 1) !== load<u8>(at, 1) || load<u16>(frame, 6) !== load<u16>(at, 6)) return false;
    if (load<u8>(frame, 8) !== load<u8>(at, 8) || load<u64>(frame, 12) !== load<u64>(at, 12)) return false;
    // Cutting counts identifications up; where fragments are allowed, they have to be what they were (RFC 6864 §4).
    const next = swap16(load<u16>(frame, 4)) + load<u32>(PACKETS);
    if ((load<u8>(at, 6) & DONT_FRAGMENT) === 0 && swap16(load<u16>(at, 4)) !== (next & 0xffff)) return false;
  } else {
    // Traffic class and flow, hop limit, addresses.
    if (load<u32>(frame) !== load<u32>(at) || load<u8>(frame, 7) !== load<u8>(at, 7)) return false;
    const differs = v128.or(
      v128.xor(v128.load(frame, 8), v128.load(at, 8)),
      v128.xor(v128.load(frame, 24), v128.load(at, 24)),
    );
    if (v128.any_true(differs)) return false;
  }
  if (load<u32>(frame + start) !== load<u32>(at + start)) return false;
  if (protocol === UDP) return load<u32>(PACKETS) < MAX_UDP_PACKETS;
  // In order, acknowledging the same, with the same window and options.
  if (bswap<u32>(load<u32>(at + start, 4)) !== load<u32>(SEQUENCE)) return false;
  if (load<u32>(frame + start, 8) !== load<u32>(at + start, 8)) return false;
  if (load<u16>(frame + start, 14) !== load<u16>(at + start, 14)) return false;
  for (let i = start + 20; i < head; i += 4) if (load<u32>(frame + i) !== load<u32>(at + i)) return false;
  return true;
}

/** Moves the payload behind the frame. @returns false, and leaves the packet alone, when its checksum is wrong */
function append(at: usize, length: usize, isLast: bool): bool {
  const frame: usize = load<u32>(FRAME) + load<u32>(LINK_BYTES), total: usize = load<u32>(LENGTH), head: usize = load<u32>(HEAD_BYTES);
  const start: usize = load<u32>(START), protocol = load<u32>(PROTOCOL), payload = length - head;
  // The host trusts the frame, so nobody would notice later.
  if (!isIntact(at, length, start, protocol)) return false;
  memory.copy(frame + total, at + head, payload);
  store<u32>(LENGTH, <u32> (total + payload));
  store<u32>(PACKETS, load<u32>(PACKETS) + 1);
  store<u32>(SEQUENCE, load<u32>(SEQUENCE) + <u32> payload);
  if (isLast) store<u8>(frame + start, load<u8>(frame + start, 13) | <u8> PSH, 13);
  if (isLast || payload < <usize> load<u32>(SIZE)) store<u32>(IS_OPEN, 0);
  return true;
}

/** Whether the checksums of header and segment are right (RFC 791 §3.1, RFC 9293 §3.1, RFC 8200 §8.1). */
function isIntact(at: usize, length: usize, start: usize, protocol: u32): bool {
  if (start === 20 && fold(sum(at, 20)) !== 0xffff) return false;
  return fold(pseudoSum(at, length, start, protocol) + sum(at + start, length - start)) === 0xffff;
}

function pseudoSum(at: usize, length: usize, start: usize, protocol: u32): u64 {
  const addresses = start === 20 ? sum(at + 12, 8) : sum(at + 8, 32);
  return addresses + (protocol << 8) + swap16(<u32> (length - start));
}

/** Writes the headers of the frame, and lists it. */
function endFrame(): void {
  const at: usize = load<u32>(FRAME);
  if (at === 0) return;
  const link: usize = load<u32>(LINK_BYTES), frame = at + link;
  const length: usize = load<u32>(LENGTH), virtio = at - VIRTIO_BYTES;
  store<u64>(virtio, 0);
  store<u16>(virtio, 0, 8);
  if (load<u32>(PACKETS) > 1) {
    const start: usize = load<u32>(START), protocol = load<u32>(PROTOCOL);
    const isTcp = protocol === TCP, isIpv4 = start === 20;
    const checksumOffset: usize = isTcp ? 16 : 6;
    store<u8>(virtio, <u8> NEEDS_CHECKSUM);
    store<u8>(virtio, <u8> (!isTcp ? GSO_UDP : isIpv4 ? GSO_TCP4 : GSO_TCP6), 1);
    store<u16>(virtio, <u16> (link + <usize> load<u32>(HEAD_BYTES)), 2);
    store<u16>(virtio, <u16> load<u32>(SIZE), 4);
    store<u16>(virtio, <u16> (link + start), 6);
    store<u16>(virtio, <u16> checksumOffset, 8);
    if (isIpv4) {
      store<u16>(frame, <u16> swap16(<u32> length), 2);
      store<u16>(frame, 0, 10);
      store<u16>(frame, <u16> ~fold(sum(frame, 20)), 10);
    } else store<u16>(frame, <u16> swap16(<u32> (length - 40)), 4);
    if (!isTcp) store<u16>(frame + start, <u16> swap16(<u32> (length - start)), 4);
    store<u16>(frame + start + checksumOffset, <u16> fold(pseudoSum(frame, length, start, protocol)));
  }
  const count = load<u32>(COUNT), entry = FRAMES + (count << 3);
  store<u32>(entry, <u32> virtio);
  // A frame has 65,535 bytes at most, which leaves the upper half of the word.
  store<u32>(entry, <u32> (link + length) | (load<u32>(FRAME_TAG) << 16), 4);
  store<u32>(COUNT, count + 1);
  store<u32>(FRAME, 0);
}
