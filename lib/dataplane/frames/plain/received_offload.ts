/**
 * What Linux leaves undone of frames that it hands to a tunnel's socket on the same machine, and how it is recognised.
 *
 * A vxlan device that sends over veth (or to a virtual machine) gives its packets to the next device uncut and with checksums
 * only begun, as one that has offloads would take them. A socket at the other end is given them so: a datagram of up to
 * 64 KB with one TCP superpacket in it, and nothing says how long its segments are; of UDP superpackets a socket with
 * UDP_GRO is told the size. So:
 *
 * - A checksum that is the sum of the pseudo-header is one that was only begun (include/linux/skbuff.h, CHECKSUM_PARTIAL). A
 *   complete checksum may have the same value by chance; then completing it gives that value again.
 * - A packet beyond the network's MTU with such a checksum is a superpacket; its TCP segments are as long as the MTU allows.
 *
 * @module
 */

import {
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  IP_PROTOCOL,
  uint16At,
  VLAN_TAG_BYTES,
} from "../../../net/mod.ts";

const VIRTIO_HEADER_BYTES = 10;
/** Virtio specification §5.1.6.1. */
const NEEDS_CHECKSUM = 1;
const GSO_TCP4 = 1;
const GSO_TCP6 = 4;
const GSO_UDP = 5;
const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const UDP_HEADER_BYTES = 8;
const TCP_HEADER_BYTES = 20;
const MAX_TAGS = 2;
const FRAGMENT_BITS = 0x3fff;

/** How a received frame is. */
export type ReceivedKind =
  /** As it was sent; nothing was written. */
  | "complete"
  /** The virtio header before it says what is left to do. */
  | "unfinished";

/**
 * Looks at a frame, and writes the virtio header before it where something is left to do.
 * @param at where the frame begins; 10 bytes before it may be overwritten
 * @param linkBytes how long the Ethernet header is without tags: 14, or 0 for an IP packet alone
 * @param mtuBytes of the network
 * @param toldBytes the segments' size that the kernel has told, or 0
 */
export function describeReceived(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  linkBytes: 14 | 0,
  mtuBytes: number,
  toldBytes: number,
): ReceivedKind {
  const ip = ipOffset(bytes, at, lengthBytes, linkBytes);
  if (ip < 0) return "complete";
  const isIpv4 = (bytes[ip] ?? 0) >> 4 === 4;
  const transport = ip + (isIpv4 ? ((bytes[ip] ?? 0) & 15) * 4 : 40);
  const end = ip + (isIpv4 ? uint16At(bytes, ip + 2) : 40 + uint16At(bytes, ip + 4));
  if (end > at + lengthBytes || transport + UDP_HEADER_BYTES > end) return "complete";
  if (isIpv4 && (uint16At(bytes, ip + 6) & FRAGMENT_BITS) !== 0) return "complete";
  const protocol = bytes[ip + (isIpv4 ? 9 : 6)] ?? 0;
  const isTcp = protocol === IP_PROTOCOL.TCP;
  if (!isTcp && protocol !== IP_PROTOCOL.UDP) return "complete";
  if (isTcp && transport + TCP_HEADER_BYTES > end) return "complete";
  const checksumOffset = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const begun = pseudoHeaderSum(bytes, ip, isIpv4, end - transport, protocol);
  if (uint16At(bytes, transport + checksumOffset) !== begun) return "complete";
  const headerBytes = transport - at + (isTcp ? ((bytes[transport + 12] ?? 0) >> 4) * 4 : UDP_HEADER_BYTES);
  let kind = 0;
  let segmentBytes = 0;
  // A tag counts where the MTU counts.
  if (end - at - linkBytes > mtuBytes) {
    segmentBytes = isTcp ? mtuBytes + linkBytes - headerBytes : toldBytes;
    if (segmentBytes <= 0 || headerBytes - linkBytes + segmentBytes > mtuBytes) return "complete";
    kind = !isTcp ? GSO_UDP : isIpv4 ? GSO_TCP4 : GSO_TCP6;
  }
  const virtio = at - VIRTIO_HEADER_BYTES;
  bytes[virtio] = NEEDS_CHECKSUM;
  bytes[virtio + 1] = kind;
  putLittle(bytes, virtio + 2, headerBytes);
  putLittle(bytes, virtio + 4, segmentBytes);
  putLittle(bytes, virtio + 6, transport - at);
  putLittle(bytes, virtio + 8, checksumOffset);
  return "unfinished";
}

/** @returns whether the IP packet of a frame ends where the frame does: it is no batch of several */
export function fillsWhole(bytes: Uint8Array, at: number, lengthBytes: number, linkBytes: 14 | 0): boolean {
  const ip = ipOffset(bytes, at, lengthBytes, linkBytes);
  if (ip < 0) return false;
  const isIpv4 = (bytes[ip] ?? 0) >> 4 === 4;
  return ip + (isIpv4 ? uint16At(bytes, ip + 2) : 40 + uint16At(bytes, ip + 4)) === at + lengthBytes;
}

/** @returns where the IP packet begins whose fixed header is there, or -1 */
function ipOffset(bytes: Uint8Array, at: number, lengthBytes: number, linkBytes: 14 | 0): number {
  let ip = at + linkBytes;
  let version = (bytes[ip] ?? 0) >> 4;
  if (linkBytes === ETHERNET_HEADER_BYTES) {
    let type = uint16At(bytes, ip - 2);
    for (let tags = 0; tags < MAX_TAGS; tags++) {
      if (type !== ETHER_TYPE.VLAN && type !== ETHER_TYPE.SERVICE_VLAN) break;
      ip += VLAN_TAG_BYTES;
      type = uint16At(bytes, ip - 2);
    }
    version = (bytes[ip] ?? 0) >> 4;
    if (type !== (version === 4 ? ETHER_TYPE.IPV4 : ETHER_TYPE.IPV6)) return -1;
  }
  const least = version === 4 ? 20 : version === 6 ? 40 : Infinity;
  return ip + least > at + lengthBytes ? -1 : ip;
}

/** RFC 9293 §3.1, RFC 8200 §8.1, not complemented. */
function pseudoHeaderSum(
  bytes: Uint8Array,
  ip: number,
  isIpv4: boolean,
  lengthBytes: number,
  protocol: number,
): number {
  let sum = protocol + lengthBytes;
  const from = ip + (isIpv4 ? 12 : 8);
  const to = from + (isIpv4 ? 8 : 32);
  for (let i = from; i < to; i += 2) sum += uint16At(bytes, i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

function putLittle(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255;
  bytes[at + 1] = value >> 8;
}
