/**
 * What a host is told about packets that go no further: resets (RFC 9293 §3.10.7), and echo replies (RFC 792,
 * RFC 4443 §4.2); messages about packets are made by `undeliverable` of `lib/net`. Each reply is a packet of its own, whole,
 * from the destination of what it answers to its source.
 * @module
 */

import { beginIpReply, IP_PROTOCOL, type IpFamily, putUint16, transportChecksum } from "../../net/mod.ts";
import {
  payloadOf,
  sequenceLength,
  swapAddresses,
  TCP_FLAGS,
  TCP_HEADER_BYTES,
  uint32At,
  updateChecksum,
  versionOf,
} from "./segment.ts";

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

/** @param packet a whole IP packet with an echo request, which is turned into the reply @returns it */
export function echoReply(packet: Uint8Array): Uint8Array {
  const version = versionOf(packet);
  const at = payloadOf(packet);
  const [request, reply] = version === 4 ? [8, 0] : [128, 129];
  packet[at] = reply;
  updateChecksum(packet, at + 2, request << 8, reply << 8);
  swapAddresses(packet, 0, version);
  return packet;
}

/** Whether an echo is asked for. @param at where the ICMP message begins */
export function isEchoRequest(packet: Uint8Array, version: IpFamily, at: number): boolean {
  return packet[at] === (version === 4 ? 8 : 128) && packet[at + 1] === 0;
}
