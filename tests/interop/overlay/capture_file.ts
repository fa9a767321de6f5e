/**
 * Packets of drivers in a file of pcap, as a capture on an Ethernet would have them, for programs that decode such files.
 * @module
 */

import { concatBytes } from "../../../lib/base/mod.ts";
import { type IpAddress, OuterHeader } from "../../../lib/net/mod.ts";
import type { Encapsulation, OverlayDriver } from "../../../lib/overlay/mod.ts";

const LINKTYPE_ETHERNET = 1;
const OUTER_ADDRESSES = Uint8Array.fromHex("0200000000b20200000000a1");

/** Between which hosts a packet goes, and in which flow of theirs. */
export interface OuterPath {
  /** Where it comes from. */
  readonly source: IpAddress;
  /** Where it goes to. */
  readonly destination: IpAddress;
  /** A hash of 32 bits. */
  readonly flow: number;
}

/** @returns the file: little endian, microseconds, one packet each second */
export function captureFile(frames: readonly Uint8Array[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, 0x40000, true);
  header.setUint32(20, LINKTYPE_ETHERNET, true);
  const records = frames.map((frame, i) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, 1_700_000_000 + i, true);
    record.setUint32(8, frame.length, true);
    record.setUint32(12, frame.length, true);
    return concatBytes(new Uint8Array(record.buffer), frame);
  });
  return concatBytes(new Uint8Array(header.buffer), ...records);
}

/** @returns the frame that goes over the wire: Ethernet, IP, UDP where the driver is on it, the driver's header, `payload` */
export function frameOnWire(
  driver: OverlayDriver,
  network: Encapsulation,
  payload: Uint8Array,
  path: OuterPath,
): Uint8Array {
  const packet = concatBytes(new Uint8Array(network.headerBytes), payload);
  network.encode(packet, network.headerBytes, payload.length, path.flow);
  const { transport } = driver.capabilities;
  if (transport.kind === "link") return packet;
  const carries = transport.kind === "udp" ? { udpPort: transport.port } : { protocol: transport.protocol };
  return ipFrame(OUTER_ADDRESSES, packet, { ...path, carries });
}

/** @returns an Ethernet frame around an IP packet around `payload` */
export function ipFrame(
  addresses: Uint8Array,
  payload: Uint8Array,
  path: OuterPath & { readonly carries: { readonly udpPort: number } | { readonly protocol: number } },
): Uint8Array {
  const outer = new OuterHeader(path);
  const ip = concatBytes(new Uint8Array(outer.lengthBytes), payload);
  outer.write(ip, 0, payload.length, path.flow);
  return concatBytes(addresses, Uint8Array.fromHex(outer.version === 4 ? "0800" : "86dd"), ip);
}
