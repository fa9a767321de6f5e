/**
 * Packets for tests, whole and with their checksums.
 * @module
 */

import assert from "node:assert/strict";
import {
  internetChecksum,
  IpAddress,
  ipDestinationOffset,
  ipSourceOffset,
  transportChecksum,
} from "../../../net/mod.ts";

/** Flags of TCP. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

/** A packet to be made. */
export interface PacketShape {
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly protocol?: number;
  readonly source?: number;
  readonly destination?: number;
  readonly sequence?: number;
  readonly acknowledged?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
}

/** @returns the address @throws AssertionError when it is none */
export function address(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

/** @returns an IP packet with a segment of TCP */
export function segment(shape: PacketShape): Uint8Array {
  const { source = 0, destination = 0, sequence = 0, acknowledged = 0, flags = 0 } = shape;
  const { payload = new Uint8Array(0) } = shape;
  const body = new Uint8Array(20 + payload.length);
  const view = new DataView(body.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledged);
  view.setUint8(12, 5 << 4);
  view.setUint8(13, flags);
  view.setUint16(14, 65_535);
  body.set(payload, 20);
  return packet({ ...shape, protocol: 6, payload: body }, 16);
}

/** @param checksumAt where the checksum over the payload stands in it; nowhere unless given @returns an IP packet */
export function packet(shape: PacketShape, checksumAt?: number): Uint8Array {
  const { from, to, protocol = 17, payload = new Uint8Array(8) } = shape;
  const version = from.family;
  const start = version === 4 ? 20 : 40;
  const bytes = new Uint8Array(start + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(from.bytes, ipSourceOffset(version));
  bytes.set(to.bytes, ipDestinationOffset(version));
  bytes.set(payload, start);
  if (version === 4) {
    bytes[0] = 0x45;
    view.setUint16(2, bytes.length);
    bytes.set([64, protocol], 8);
    view.setUint16(10, internetChecksum(bytes, 0, start));
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, payload.length);
    bytes.set([protocol, 64], 6);
  }
  if (checksumAt !== undefined) {
    const isIcmp4 = protocol === 1;
    const sum = isIcmp4
      ? internetChecksum(bytes, start, payload.length)
      : transportChecksum(bytes, start, protocol);
    view.setUint16(start + checksumAt, sum);
  }
  return bytes;
}

/** What a packet is: a segment, or a message of ICMP or whatever else. */
export interface ReadPacket {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly source?: number;
  readonly destination?: number;
  readonly sequence?: number;
  readonly acknowledged?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
  readonly type?: number;
  readonly code?: number;
  readonly body?: Uint8Array;
}

/** @returns what a packet is @throws AssertionError when a checksum is wrong, each computed in full */
export function read(bytes: Uint8Array): ReadPacket {
  const version = (bytes[0] ?? 0) >> 4 === 6 ? 6 : 4;
  const start = version === 4 ? 20 : 40;
  const protocol = bytes[version === 4 ? 9 : 6] ?? 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (version === 4) assert.equal(internetChecksum(bytes, 0, start), 0, "the checksum of the header");
  const sum = protocol === 1
    ? internetChecksum(bytes, start, bytes.length - start)
    : transportChecksum(bytes, start, protocol);
  assert.equal(sum, 0, "the checksum of the payload");
  const length = version === 4 ? 4 : 16;
  const [from, to] = [ipSourceOffset(version), ipDestinationOffset(version)].map((at) =>
    IpAddress.fromBytes(bytes.slice(at, at + length)).toString()
  ) as [string, string];
  if (protocol !== 6) {
    return {
      from,
      to,
      protocol,
      type: bytes[start] ?? 0,
      code: bytes[start + 1] ?? 0,
      body: bytes.slice(start + 8),
    };
  }
  return {
    from,
    to,
    protocol,
    source: view.getUint16(start),
    destination: view.getUint16(start + 2),
    sequence: view.getUint32(start + 4),
    acknowledged: view.getUint32(start + 8),
    flags: bytes[start + 13] ?? 0,
    payload: bytes.slice(start + 20),
  };
}
