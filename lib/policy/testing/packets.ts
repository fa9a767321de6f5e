/**
 * IP packets for tests of guards.
 * @module
 */

import assert from "node:assert/strict";
import { internetChecksum, IP_PROTOCOL, IpAddress, putUint16, transportChecksum } from "../../net/mod.ts";

/** What a packet is made of. */
export interface PacketText {
  readonly from: string;
  readonly to: string;
  /** 6 unless told. */
  readonly protocol?: number;
  readonly ports?: readonly [source: number, destination: number];
  /** Of TCP. */
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledged?: number;
  /** Of ICMP: type and id. */
  readonly icmp?: readonly [type: number, id: number];
  /** What follows the transport's header, or stands in its place for other protocols. */
  readonly payload?: Uint8Array;
  /** Offset in units of 8 bytes, whether more follow, and the identification. */
  readonly fragment?: readonly [offset: number, more: boolean, id: number];
}

const address = (text: string): Uint8Array => (IpAddress.parse(text) ?? assert.fail(text)).bytes;

/** @returns a whole IP packet with right checksums */
export function packetOf(text: PacketText): Uint8Array {
  const { from, to, protocol = IP_PROTOCOL.TCP, fragment } = text;
  const [source, destination] = [address(from), address(to)];
  const isLater = fragment !== undefined && fragment[0] > 0;
  const body = isLater ? text.payload ?? new Uint8Array(16) : transportOf(protocol, text);
  const isIpv4 = source.length === 4;
  const extension = !isIpv4 && fragment !== undefined ? 8 : 0;
  const start = (isIpv4 ? 20 : 40) + extension;
  const packet = new Uint8Array(start + body.length);
  packet.set(body, start);
  if (isIpv4) {
    packet[0] = 0x45;
    putUint16(packet, 2, packet.length);
    packet[8] = 64;
    packet[9] = protocol;
    if (fragment !== undefined) {
      putUint16(packet, 4, fragment[2]);
      putUint16(packet, 6, (fragment[1] ? 0x2000 : 0) | fragment[0]);
    }
    packet.set(source, 12);
    packet.set(destination, 16);
    putUint16(packet, 10, internetChecksum(packet, 0, 20));
  } else {
    packet[0] = 0x60;
    putUint16(packet, 4, packet.length - 40);
    packet[6] = extension > 0 ? 44 : protocol;
    packet[7] = 64;
    packet.set(source, 8);
    packet.set(destination, 24);
    if (fragment !== undefined) {
      packet[40] = protocol;
      putUint16(packet, 42, (fragment[0] << 3) | (fragment[1] ? 1 : 0));
      putUint16(packet, 46, fragment[2]);
    }
  }
  const checksumAt = CHECKSUM_AT.get(protocol);
  if (!isLater && fragment === undefined && checksumAt !== undefined) {
    const sum = protocol === IP_PROTOCOL.ICMP
      ? internetChecksum(packet, start, body.length)
      : transportChecksum(packet, start, protocol);
    putUint16(packet, start + checksumAt, sum);
  }
  return packet;
}

const CHECKSUM_AT: ReadonlyMap<number, number> = new Map([
  [IP_PROTOCOL.TCP, 16],
  [IP_PROTOCOL.UDP, 6],
  [IP_PROTOCOL.ICMP, 2],
  [IP_PROTOCOL.ICMPV6, 2],
]);

function transportOf(protocol: number, text: PacketText): Uint8Array {
  const { ports = [0, 0], payload = new Uint8Array() } = text;
  const headerBytes = protocol === IP_PROTOCOL.TCP ? 20 : CHECKSUM_AT.has(protocol) ? 8 : 0;
  const body = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(body.buffer);
  body.set(payload, headerBytes);
  if (protocol === IP_PROTOCOL.TCP) {
    view.setUint32(4, text.sequence ?? 1);
    view.setUint32(8, text.acknowledged ?? 0);
    body[12] = 5 << 4;
    body[13] = text.flags ?? 0x10;
  } else if (protocol === IP_PROTOCOL.UDP) putUint16(body, 4, body.length);
  if (protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP) {
    putUint16(body, 0, ports[0]);
    putUint16(body, 2, ports[1]);
  } else if (headerBytes > 0) {
    body[0] = text.icmp?.[0] ?? 8;
    putUint16(body, 4, text.icmp?.[1] ?? 0);
  }
  return body;
}
