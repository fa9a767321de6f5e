/**
 * TCP segments, read in place, and the reset that answers one (RFC 9293 §3.1, §3.10.7):
 *
 *      0  source port            2  destination port
 *      4  sequence number
 *      8  acknowledgement number
 *     12  header length in words, in the upper 4 bits
 *     13  flags: CWR ECE URG ACK PSH RST SYN FIN
 *     16  checksum               20  options, payload
 *
 * @module
 */

import type { IpFamily } from "./ip_address.ts";
import { beginIpReply, IP_PROTOCOL, putUint16, transportChecksum, uint16At } from "./ip_packet.ts";

/** Without options. */
export const TCP_HEADER_BYTES = 20;
/** Flags of a segment. */
export const TCP_FLAGS: { readonly FIN: 1; readonly SYN: 2; readonly RST: 4; readonly ACK: 16 } = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  ACK: 0x10,
} as const;

/** @returns the 32 bits at `at`, in network order, from 0 */
export function uint32At(bytes: Uint8Array, at: number): number {
  return uint16At(bytes, at) * 0x10000 + uint16At(bytes, at + 2);
}

/** @returns how many bytes the header has, 20 to 60; 0 when it is cut off at `end` or contradicts itself */
export function tcpHeaderBytes(bytes: Uint8Array, at: number, end: number): number {
  if (at + TCP_HEADER_BYTES > end) return 0;
  const length = ((bytes[at + 12] ?? 0) >> 4) * 4;
  return length < TCP_HEADER_BYTES || at + length > end ? 0 : length;
}

/** @returns how many sequence numbers a segment takes: its payload, SYN and FIN (RFC 9293 §3.4) */
export function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const flags = bytes[at + 13] ?? 0;
  return end - at - tcpHeaderBytes(bytes, at, end) + ((flags & TCP_FLAGS.SYN) >> 1) + (flags & TCP_FLAGS.FIN);
}

/**
 * @param packet a whole IP packet
 * @param segment where its TCP header begins
 * @returns the reset that answers a segment of no connection
 */
export function resetOf(packet: Uint8Array, version: IpFamily, segment: number): Uint8Array {
  const flags = packet[segment + 13] ?? 0;
  const hasAck = (flags & TCP_FLAGS.ACK) !== 0;
  const length = sequenceLength(packet, segment, packet.length);
  // RFC 9293 §3.10.7.1: what was acknowledged is where the reset stands; without that, it acknowledges the segment.
  return hasAck
    ? reset(packet, version, segment, { sequence: uint32At(packet, segment + 8), acknowledged: undefined })
    : reset(packet, version, segment, {
      sequence: 0,
      acknowledged: (uint32At(packet, segment + 4) + length) % 0x1_0000_0000,
    });
}

/** @returns a reset against the direction of a segment of `packet`, at `sequence` */
export function reset(
  packet: Uint8Array,
  version: IpFamily,
  segment: number,
  { sequence, acknowledged }: { readonly sequence: number; readonly acknowledged: number | undefined },
): Uint8Array {
  const { reply, start } = beginIpReply(packet, 0, version, {
    protocol: IP_PROTOCOL.TCP,
    lengthBytes: TCP_HEADER_BYTES,
  });
  const view = new DataView(reply.buffer);
  reply.set(packet.subarray(segment + 2, segment + 4), start);
  reply.set(packet.subarray(segment, segment + 2), start + 2);
  view.setUint32(start + 4, sequence);
  view.setUint32(start + 8, acknowledged ?? 0);
  reply[start + 12] = TCP_HEADER_BYTES / 4 << 4;
  reply[start + 13] = TCP_FLAGS.RST | (acknowledged === undefined ? 0 : TCP_FLAGS.ACK);
  putUint16(reply, start + 16, transportChecksum(reply, start, IP_PROTOCOL.TCP));
  return reply;
}
