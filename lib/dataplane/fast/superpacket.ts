/**
 * Superpackets: many packets of one flow in one, with the header that says how to cut them (virtio specification §5.1.6).
 * This is the plain way, packet by packet; the batch cipher does the same in bulk, and is tested against it.
 * @module
 */

import { internetChecksum, ipVersion, transportChecksum } from "../../net/mod.ts";

/** The header stands before every packet of an offloading TUN interface; its integers are in host order. */
export const VIRTIO_HEADER_BYTES = 10;

/** The checksum is only begun: the sum of the pseudo-header stands in its place. */
export const NEEDS_CHECKSUM = 1;
/** What kind of superpacket it is. */
export const GSO = { NONE: 0, TCP4: 1, TCP6: 4, UDP: 5 } as const;

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const UDP_HEADER_BYTES = 8;
/** RFC 2784 §2.1: the shortest header that carries packets in IP. */
const GRE_HEADER_BYTES = 4;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const TCP_OFFSET_AT = 12;
const TCP_FLAGS_AT = 13;
const TCP_FIN = 0x01;
const TCP_PSH = 0x08;
const TCP_CWR = 0x80;

/** How to cut a superpacket and complete its checksums: `struct virtio_net_hdr`. */
export interface VirtioHeader {
  readonly flags: number;
  readonly gsoType: number;
  /** Payload bytes of each packet but the last. */
  readonly gsoSize: number;
  /** Where the checksum begins to count, and where it stands from there. */
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

/** Reads the header at `at`. */
export function readVirtioHeader(bytes: Uint8Array, at: number): VirtioHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, VIRTIO_HEADER_BYTES);
  return {
    flags: view.getUint8(0),
    // The top bit marks congestion notification, which needs nothing of us.
    gsoType: view.getUint8(1) & 0x7f,
    gsoSize: view.getUint16(4, true),
    checksumStart: view.getUint16(6, true),
    checksumOffset: view.getUint16(8, true),
  };
}

/** @returns how long the longest packet is that a frame, built here, is cut into; its IP packet begins at `at` */
export function longestPacketBytes(memory: DataView, at: number, lengthBytes: number): number {
  const header = at - VIRTIO_HEADER_BYTES;
  if (memory.getUint8(header + 1) === GSO.NONE) return lengthBytes;
  // The length of its headers, and the payload of each packet.
  return Math.min(lengthBytes, memory.getUint16(header + 2, true) + memory.getUint16(header + 4, true));
}

/** @returns how many packets a frame of the host is cut into, or a few more; its IP packet begins at `at` */
export function mostSegments(memory: DataView, at: number, lengthBytes: number): number {
  const header = at - VIRTIO_HEADER_BYTES;
  const segmentBytes = memory.getUint16(header + 4, true);
  return memory.getUint8(header + 1) === GSO.NONE || segmentBytes === 0
    ? 1
    : Math.max(1, Math.ceil(lengthBytes / segmentBytes));
}

/** @returns how long the longest packet is that a frame of the host is cut into; its IP packet begins at `at` */
export function longestSegmentBytes(memory: DataView, at: number, lengthBytes: number): number {
  const header = at - VIRTIO_HEADER_BYTES;
  const gsoType = memory.getUint8(header + 1) & 0x7f;
  if (gsoType === GSO.NONE) return lengthBytes;
  // The length of the headers, as the host says it, is a hint and may be more.
  const transport = memory.getUint16(header + 6, true);
  const isCutOff = transport + TCP_OFFSET_AT >= lengthBytes;
  const transportBytes = gsoType === GSO.UDP || isCutOff
    ? UDP_HEADER_BYTES
    : (memory.getUint8(at + transport + TCP_OFFSET_AT) >> 4) * 4;
  return Math.min(lengthBytes, transport + transportBytes + memory.getUint16(header + 4, true));
}

/**
 * Cuts a superpacket into the packets that it stands for, with lengths, sequence numbers, flags and checksums as if
 * each had been sent alone.
 *
 * @param superpacket an IP packet, which may be changed
 * @param header counts from the superpacket's beginning
 * @param innerBytes how much stands before the IP packet, and is repeated before each
 * @returns the packets, or undefined when the header contradicts the packet
 */
export function splitSuperpacket(
  superpacket: Uint8Array,
  header: VirtioHeader,
  innerBytes = 0,
): Uint8Array[] | undefined {
  const { flags, gsoType, gsoSize, checksumStart } = header;
  if (gsoType === GSO.NONE) {
    if ((flags & NEEDS_CHECKSUM) === 0) return [superpacket];
    return finishChecksum(superpacket, header) ? [superpacket] : undefined;
  }
  const version = ipVersion(superpacket, innerBytes);
  const isTcp = gsoType === GSO.TCP4 || gsoType === GSO.TCP6;
  if (version === 0 || gsoSize === 0 || (!isTcp && gsoType !== GSO.UDP)) return undefined;
  const minTransportBytes = isTcp ? 20 : UDP_HEADER_BYTES;
  const ipHeaderBytes = checksumStart - innerBytes;
  if (
    ipHeaderBytes < (version === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) ||
    superpacket.length < checksumStart + minTransportBytes
  ) return undefined;
  const transportBytes = isTcp ? ((superpacket[checksumStart + 12] ?? 0) >> 4) * 4 : UDP_HEADER_BYTES;
  const headerBytes = checksumStart + transportBytes;
  if (transportBytes < minTransportBytes || superpacket.length < headerBytes) return undefined;
  const head = superpacket.subarray(0, headerBytes);
  const packets: Uint8Array[] = [];
  for (let at = headerBytes; at < superpacket.length; at += gsoSize) {
    const payload = superpacket.subarray(at, Math.min(at + gsoSize, superpacket.length));
    const packet = new Uint8Array(headerBytes + payload.length);
    packet.set(head);
    packet.set(payload, headerBytes);
    const isLast = at + gsoSize >= superpacket.length;
    const inner = { ...header, checksumStart: ipHeaderBytes };
    finishPacket(packet.subarray(innerBytes), inner, packets.length, isLast);
    packets.push(packet);
  }
  return packets;
}

/**
 * Fills in the lengths of an IP header without options, and of UDP behind it.
 * @param innerBytes what belongs to these headers and what follows them
 * @returns false when there is no such header
 */
export function finishOuter(packet: Uint8Array, innerBytes: number): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const isIpv4 = packet[0] === 0x45;
  const start = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  if (!isIpv4 && ipVersion(packet) !== 6) return false;
  const isUdp = packet[isIpv4 ? 9 : 6] === IPPROTO_UDP;
  const least = start + (isUdp ? UDP_HEADER_BYTES : GRE_HEADER_BYTES);
  if (innerBytes < least || packet.length <= least) return false;
  if (isIpv4) {
    view.setUint16(2, packet.length);
    view.setUint16(10, 0);
    view.setUint16(10, internetChecksum(packet, 0, start));
  } else view.setUint16(4, packet.length - start);
  if (isUdp) view.setUint16(start + 4, packet.length - start);
  return true;
}

/** Makes one packet of a superpacket whole; its header is a copy of the superpacket's. */
function finishPacket(packet: Uint8Array, header: VirtioHeader, number: number, isLast: boolean): void {
  const { gsoType, gsoSize, checksumStart } = header;
  const isTcp = gsoType !== GSO.UDP;
  const version = ipVersion(packet);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (version === 4) {
    view.setUint16(2, packet.length);
    // Each packet has its own identification (RFC 6864 §4.2).
    view.setUint16(4, (view.getUint16(4) + number) & 0xffff);
    view.setUint16(10, 0);
    view.setUint16(10, internetChecksum(packet, 0, checksumStart));
  } else view.setUint16(4, packet.length - 40);
  if (isTcp) {
    view.setUint32(checksumStart + 4, (view.getUint32(checksumStart + 4) + number * gsoSize) >>> 0);
    const flagsAt = checksumStart + TCP_FLAGS_AT;
    let tcpFlags = view.getUint8(flagsAt);
    // RFC 9293 §3.1 and RFC 3168 §6.1.2: the end is announced by the last, the narrowed window by the first.
    if (!isLast) tcpFlags &= ~(TCP_FIN | TCP_PSH);
    if (number > 0) tcpFlags &= ~TCP_CWR;
    view.setUint8(flagsAt, tcpFlags);
  } else view.setUint16(checksumStart + 4, packet.length - checksumStart);
  const checksumAt = checksumStart + (isTcp ? 16 : 6);
  view.setUint16(checksumAt, 0);
  const sum = transportChecksum(packet, checksumStart, isTcp ? IPPROTO_TCP : IPPROTO_UDP);
  view.setUint16(checksumAt, sum === 0 && !isTcp ? 0xffff : sum);
}

/** Completes the checksum of a packet that is not cut. @returns false when there is no such place */
function finishChecksum(packet: Uint8Array, { checksumStart, checksumOffset }: VirtioHeader): boolean {
  const at = checksumStart + checksumOffset;
  if (checksumStart > packet.length || at + 2 > packet.length) return false;
  // The sum of the pseudo-header stands there already and is counted as it is.
  const sum = internetChecksum(packet, checksumStart, packet.length - checksumStart);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  view.setUint16(at, sum === 0 ? 0xffff : sum);
  return true;
}
