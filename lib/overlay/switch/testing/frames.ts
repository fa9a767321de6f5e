/**
 * Frames for tests of the switch.
 * @module
 */

import assert from "node:assert/strict";
import {
  arpFrame,
  ETHER_TYPE,
  internetChecksum,
  IpAddress,
  MacAddress,
  transportChecksum,
  writeEthernetHeader,
} from "../../../net/mod.ts";

/** @returns the address `02:00:00:00:00:XX`, or that of the text */
export function mac(address: number | string): MacAddress {
  if (typeof address === "string") return MacAddress.parse(address) ?? assert.fail(address);
  return MacAddress.fromBytes(Uint8Array.of(2, 0, address >>> 24, address >>> 16, address >>> 8, address));
}

/** @returns the address */
export function ip(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

/** A frame with this payload. */
export function frame(
  source: MacAddress,
  destination: MacAddress,
  { etherType = 0x9000, payload = new Uint8Array(46) }: { etherType?: number; payload?: Uint8Array } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(14 + payload.length);
  bytes.set(payload, writeEthernetHeader(bytes, 0, { source, destination, etherType }));
  return bytes;
}

/** @returns the frame with tags before what it carries */
export function tagged(bytes: Uint8Array, ...vlans: number[]): Uint8Array<ArrayBuffer> {
  const tags = vlans.flatMap((vlan) => [0x81, 0, vlan >> 8, vlan & 0xff]);
  return Uint8Array.from([...bytes.subarray(0, 12), ...tags, ...bytes.subarray(12)]);
}

/** An ARP request for everybody. */
export function arpRequest(sender: MacAddress, from: string, to: string): Uint8Array<ArrayBuffer> {
  return arpFrame(MacAddress.BROADCAST, {
    operation: 1,
    sender: { mac: sender, address: ip(from).bytes },
    target: { mac: mac("00:00:00:00:00:00"), address: ip(to).bytes },
  });
}

/** What a packet says. */
export interface PacketFields {
  readonly protocol?: number;
  readonly payload?: Uint8Array;
  readonly hopLimit?: number;
  /** The seventh byte of IPv4: don't fragment is 0x40. */
  readonly flags?: number;
  /** An extension header behind that of IPv6, hop by hop. */
  readonly extension?: Uint8Array;
}

/** An IP packet of either family, with right checksums of header, UDP and ICMPv6. */
export function packet(
  source: string,
  destination: string,
  fields: PacketFields = {},
): Uint8Array<ArrayBuffer> {
  const { protocol = 17, payload = new Uint8Array(32), hopLimit = 64, flags = 0 } = fields;
  const extension = fields.extension ?? new Uint8Array(0);
  const [from, to] = [ip(source), ip(destination)];
  const headerBytes = from.family === 4 ? 20 : 40;
  const bytes = new Uint8Array(headerBytes + extension.length + payload.length);
  const view = new DataView(bytes.buffer);
  if (from.family === 4) {
    bytes.set([0x45, 0, bytes.length >> 8, bytes.length & 0xff, 0, 1, flags, 0, hopLimit, protocol]);
    bytes.set([...from.bytes, ...to.bytes], 12);
    view.setUint16(10, internetChecksum(bytes, 0, 20));
  } else {
    const length = bytes.length - 40;
    bytes.set([0x60, 0, 0, 0, length >> 8, length & 0xff, extension.length > 0 ? 0 : protocol, hopLimit]);
    bytes.set([...from.bytes, ...to.bytes, ...extension], 8);
  }
  const start = headerBytes + extension.length;
  bytes.set(payload, start);
  if (protocol === 58 && payload.length >= 4) {
    // The pseudo-header has the length of the message alone (RFC 8200 §8.1).
    let pseudo = protocol + payload.length;
    for (let i = 8; i < 40; i += 2) pseudo += view.getUint16(i);
    view.setUint16(start + 2, 0);
    view.setUint16(start + 2, internetChecksum(bytes, start, payload.length, pseudo));
  }
  if (protocol === 17 && payload.length >= 8 && extension.length === 0) {
    view.setUint16(start + 4, payload.length);
    view.setUint16(start + 6, 0);
    view.setUint16(start + 6, transportChecksum(bytes, start, 17));
  }
  return bytes;
}

/** A frame with an IP packet. */
export function ipFrame(
  source: MacAddress,
  destination: MacAddress,
  inner: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const etherType = (inner[0] ?? 0) >> 4 === 4 ? ETHER_TYPE.IPV4 : ETHER_TYPE.IPV6;
  return frame(source, destination, { etherType, payload: inner });
}
