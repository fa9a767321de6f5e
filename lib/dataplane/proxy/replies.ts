/**
 * What a host is told about packets that go no further: resets (RFC 9293 §3.10.7), and echo replies (RFC 792,
 * RFC 4443 §4.2); messages about packets are made by `undeliverable` of `lib/net`. Each reply is a packet of its own, whole, from the destination of what it answers to its source.
 * @module
 */

import {
  internetChecksum,
  ipDestinationOffset,
  type IpFamily,
  ipSourceOffset,
  transportChecksum,
} from "../../net/mod.ts";
import {
  payloadOf,
  putUint16,
  sequenceLength,
  swapAddresses,
  TCP_FLAGS,
  TCP_HEADER_BYTES,
  uint32At,
  updateChecksum,
  versionOf,
} from "./segment.ts";

/** Numbers of protocols in IP headers. */
export const PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17, ICMPV6: 58 } as const;

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
const HOPS = 64;

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
  const { reply, start } = answer(packet, version, PROTOCOL.TCP, TCP_HEADER_BYTES);
  const view = new DataView(reply.buffer);
  reply.set(packet.subarray(segment + 2, segment + 4), start);
  reply.set(packet.subarray(segment, segment + 2), start + 2);
  view.setUint32(start + 4, sequence);
  view.setUint32(start + 8, acknowledged ?? 0);
  reply[start + 12] = TCP_HEADER_BYTES / 4 << 4;
  reply[start + 13] = TCP_FLAGS.RST | (acknowledged === undefined ? 0 : TCP_FLAGS.ACK);
  putUint16(reply, start + 16, transportChecksum(reply, start, PROTOCOL.TCP));
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

/** Begins a packet against the direction of another one; its payload is still empty. */
function answer(
  packet: Uint8Array,
  version: IpFamily,
  protocol: number,
  payloadBytes: number,
): { readonly reply: Uint8Array<ArrayBuffer>; readonly start: number } {
  const start = version === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const reply = new Uint8Array(start + payloadBytes);
  const [from, to] = [ipSourceOffset(version), ipDestinationOffset(version)];
  const length = to - from;
  reply.set(packet.subarray(to, to + length), from);
  reply.set(packet.subarray(from, to), to);
  if (version === 4) {
    reply[0] = 0x45;
    putUint16(reply, 2, reply.length);
    reply[8] = HOPS;
    reply[9] = protocol;
    putUint16(reply, 10, internetChecksum(reply, 0, start));
  } else {
    reply[0] = 0x60;
    putUint16(reply, 4, payloadBytes);
    reply[6] = protocol;
    reply[7] = HOPS;
  }
  return { reply, start };
}
