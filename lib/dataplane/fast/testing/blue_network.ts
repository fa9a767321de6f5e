/**
 * An engine with one overlay network of the type `vxlan`, for tests.
 * @module
 */

import assert from "node:assert/strict";
import { internetChecksum } from "../../../net/mod.ts";
import type { FrameEngine } from "../frames/mod.ts";
import {
  readVirtioHeader,
  splitSuperpacket,
  VIRTIO_HEADER_BYTES,
  type VirtioHeader,
} from "../superpacket.ts";
import { EngineHarness, frame, peerEndpoint } from "./engine_harness.ts";
import { makeSuperpacket } from "./superpackets.ts";

/** The network. */
export const BLUE = 1;
const VNI = 1001;
/** Numbers of ports: two endpoints here, one of the peer, one behind a channel. */
export const LOCAL = 11;
/** See `LOCAL`. */
export const OTHER = 12;
/** See `LOCAL`. */
export const REMOTE = 13;
/** See `LOCAL`. */
export const CHANNEL = 14;
/** Descriptors of the endpoints here. */
export const LOCAL_FD = 80;
/** See `LOCAL_FD`. */
export const OTHER_FD = 81;
/** By port. */
export const MACS: Readonly<Record<number, string>> = {
  [LOCAL]: "02:00:00:00:00:01",
  [OTHER]: "02:00:00:00:00:02",
  [REMOTE]: "02:00:00:00:00:03",
};
/** IPv4, UDP, VXLAN. */
export const OUTER_BYTES: number = 20 + 8 + 8;
/** The same and an Ethernet header. */
export const HEAD_BYTES: number = OUTER_BYTES + 14;

const offloads = { tso: true, uso: true };

/** An engine with one network: two endpoints here, one of the peer. */
export function blueHarness(cipher?: ConstructorParameters<typeof EngineHarness>[0]): EngineHarness {
  const harness = new EngineHarness(cipher);
  const { frames } = harness.engine;
  frames.setOwnAddresses(["10.200.0.1", "fd01:203::1"]);
  setBlue(frames);
  addEndpoint(frames, LOCAL, LOCAL_FD);
  frames.setRemote({
    port: REMOTE,
    network: BLUE,
    allowsForeign: false,
    via: { kind: "member", publicKey: harness.peer.publicKey.toString(), address: "10.200.0.2" },
  });
  frames.setBinding({ network: BLUE, port: REMOTE, mac: MACS[REMOTE] ?? "", addresses: ["10.0.0.3"] });
  return harness;
}

function setBlue(frames: FrameEngine): void {
  frames.setNetwork({
    network: BLUE,
    name: "blue",
    driver: "vxlan",
    identifier: VNI,
    options: {},
    mtuBytes: 1370,
    underlay: { kind: "mesh" },
  });
}

/** Adds an endpoint here, whose address is bound to it. */
export function addEndpoint(frames: FrameEngine, port: number, fd: number, hasHeader = true): void {
  frames.setPort({
    port,
    network: BLUE,
    name: `web-${port}`,
    allowsForeign: false,
    device: { kind: "descriptor", fd, hasHeader, offloads, of: "tap" },
  });
  const mac = MACS[port] ?? "";
  frames.setBinding({ network: BLUE, port, mac, addresses: [`10.0.0.${port - 10}`] });
}

function mac(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(":", ""));
}

/** @param to a port, or 0 for everybody */
export function ethernet(from: number, to: number, payload: Uint8Array, etherType = 0x0800): Uint8Array {
  const destination = to === 0 ? "ff:ff:ff:ff:ff:ff" : MACS[to] ?? "";
  const source = MACS[from] ?? "";
  return Uint8Array.of(...mac(destination), ...mac(source), etherType >> 8, etherType & 255, ...payload);
}

/** As a TAP gives it: the header counts from the frame. */
export function tapFrame(bytes: Uint8Array, header?: VirtioHeader): Uint8Array {
  return frame(bytes, header && { ...header, checksumStart: header.checksumStart + 14 });
}

/** A stream of the shape that is joined and cut whole. */
export function stream(payloadBytes: number): ReturnType<typeof makeSuperpacket> {
  const made = makeSuperpacket({ protocol: "tcp", version: 4, payloadBytes, gsoSize: 1318 });
  made.packet[20 + 13] = 0x18;
  return made;
}

/** Puts frames in at an endpoint. */
export function put(harness: EngineHarness, fd: number, ...frames: (Uint8Array | number)[]): void {
  harness.calls.endpointFrames.set(fd, frames);
}

/** @returns a packet of a member, with a frame in VXLAN */
export function outerPacket(
  inner: Uint8Array,
  { vni = VNI, from = 2, port = 4789 }: { vni?: number; from?: number; port?: number } = {},
): Uint8Array {
  const packet = new Uint8Array(OUTER_BYTES + inner.length);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 200, 0, from, 10, 200, 0, 1]);
  view.setUint16(2, packet.length);
  view.setUint16(10, internetChecksum(packet, 0, 20));
  view.setUint16(20, 50_000);
  view.setUint16(22, port);
  view.setUint16(24, packet.length - 20);
  packet.set([8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0], 28);
  packet.set(inner, OUTER_BYTES);
  return packet;
}

/** Has the engine receive packets of the peer. */
export function receive(harness: EngineHarness, packets: readonly Uint8Array[]): void {
  for (const bytes of harness.sealed(packets)) harness.calls.receives.push({ bytes, source: peerEndpoint });
  harness.run();
}

/** @returns what the network has dropped, by reason */
export function dropsOf(harness: EngineHarness): Record<string, number> {
  const [network] = [...harness.engine.frames.networks];
  const own = Object.entries(network?.drops.snapshot() ?? {}).filter(([, count]) => count > 0);
  return { ...harness.engine.frames.counts.networkCounts(BLUE)?.drops, ...Object.fromEntries(own) };
}

/** The frames that were written to an endpoint, superframes taken apart. */
export function writtenFrames(harness: EngineHarness, fd: number): Uint8Array[] {
  return (harness.calls.writtenTo.get(fd) ?? []).flatMap((written) =>
    splitSuperpacket(written.slice(VIRTIO_HEADER_BYTES), readVirtioHeader(written, 0), 14) ?? assert.fail()
  );
}
