/**
 * Tests of plain underlays in the engine: real sockets on the loopback, whose packets come from memory.
 * @module
 */

import assert from "node:assert/strict";
import { Endpoint, internetChecksum } from "../../../../net/mod.ts";
import { ethernet } from "../../testing/blue_network.ts";
import { EngineHarness } from "../../testing/engine_harness.ts";
import { VIRTIO_HEADER_BYTES } from "../../superpacket.ts";

const NETWORK = 7;
const [LOCAL, REMOTE] = [11, 13];
const LOCAL_FD = 80;
const SOURCE = Endpoint.parse("127.0.0.9:50000") ?? assert.fail();

/** An engine with one plain network, an endpoint and a host. @returns with the descriptor of the network's socket */
function plainHarness(driver: string, options: Readonly<Record<string, string>>) {
  const harness = new EngineHarness();
  const { frames } = harness.engine;
  frames.setNetwork({
    network: NETWORK,
    name: "blue",
    driver,
    identifier: 42,
    options,
    mtuBytes: 1450,
    underlay: { kind: "plain", localAddress: "127.0.1.14", port: 42_014 },
  });
  const [fd] = [...harness.calls.tokens.keys()];
  const offloads = { tso: true, uso: true };
  const device = { kind: "descriptor", fd: LOCAL_FD, hasHeader: true, offloads, of: "tap" } as const;
  frames.setPort({ port: LOCAL, network: NETWORK, name: "web", allowsForeign: false, device });
  const via = { kind: "plain", address: "127.0.0.9" } as const;
  frames.setRemote({ port: REMOTE, network: NETWORK, allowsForeign: false, via });
  for (const [port, mac] of [[LOCAL, "02:00:00:00:00:01"], [REMOTE, "02:00:00:00:00:03"]] as const) {
    frames.setBinding({ network: NETWORK, port, mac, addresses: [`10.0.0.${port - 10}`] });
  }
  return { harness, fd: fd ?? assert.fail("no socket") };
}

/** @returns an IPv4 packet of one fragment, whose last bytes are no zeros */
function fragment(number: number, payloadBytes: number): Uint8Array {
  const packet = new Uint8Array(20 + payloadBytes).fill(0x40 + number, 20);
  const offset = number * payloadBytes / 8;
  packet.set([0x45, 0, 0, 0, 0, 7, 0x20 | offset >> 8, offset & 255, 64, 17, 0, 0, 10, 0, 0, 3, 10, 0, 0, 1]);
  const view = new DataView(packet.buffer);
  view.setUint16(2, packet.length);
  view.setUint16(10, internetChecksum(packet, 0, 20));
  return packet;
}

/** @returns a segment of TCP with a right checksum */
function segment(number: number, payloadBytes: number): Uint8Array {
  const packet = new Uint8Array(40 + payloadBytes).fill(0x40 + number, 40);
  packet.set([0x45, 0, 0, 0, 0, number, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 3, 10, 0, 0, 1]);
  packet.set([0x13, 0x88, 0x13, 0x89, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0], 20);
  const view = new DataView(packet.buffer);
  view.setUint16(2, packet.length);
  view.setUint16(10, internetChecksum(packet, 0, 20));
  view.setUint32(24, number * payloadBytes);
  const pseudo = new Uint8Array(12 + packet.length - 20);
  pseudo.set(packet.subarray(12, 20));
  pseudo.set([0, 6, (packet.length - 20) >> 8, (packet.length - 20) & 255], 8);
  pseudo.set(packet.subarray(20), 12);
  view.setUint16(36, internetChecksum(pseudo, 0, pseudo.length));
  return packet;
}

const VXLAN = [8, 0, 0, 0, 0, 0, 42, 0];
const GENEVE_IP = [0, 0, 8, 0, 0, 0, 42, 0];
const MPLS = [0, 2, 0xa1, 64];
for (
  const [name, driver, options, header, payload] of [
    ["vxlan", "vxlan", {}, VXLAN, "ethernet"],
    ["geneve of IP packets", "geneve", { payload: "ip" }, GENEVE_IP, "ip"],
    ["mpls-udp", "mpls-udp", {}, MPLS, "ethernet"],
    ["mpls-udp of IP packets", "mpls-udp", { payload: "ip" }, MPLS, "ip"],
  ] as const
) {
  for (const [what, make] of [["are not joined", fragment], ["are joined", segment]] as const) {
    Deno.test(`PlainUnderlay takes a batch of ${name} whose frames ${what} to the last byte of each`, () => {
      const { harness, fd } = plainHarness(driver, options);
      const packets = Array.from({ length: 64 }, (_, i) => make(i, 960));
      const sent = packets.map((packet) => payload === "ip" ? packet : ethernet(REMOTE, LOCAL, packet));
      const bytes = Uint8Array.from(sent.flatMap((packet) => [...header, ...packet]));
      const segmentBytes = bytes.length / packets.length;
      harness.calls.receives.push({ bytes, source: SOURCE, segmentBytes });
      harness.calls.endpointFrames.set(fd, [bytes]);
      harness.engine.frames.carryOut(harness.now);
      harness.engine.frames.close();
      const written = (harness.calls.writtenTo.get(LOCAL_FD) ?? []).map((each) =>
        each.subarray(VIRTIO_HEADER_BYTES + 14)
      );
      const headerBytes = make === segment ? 40 : 20;
      const payloads = (of: readonly Uint8Array[]) =>
        Uint8Array.from(of.flatMap((each) => [...each.subarray(headerBytes)]));
      assert.deepEqual(written.length < packets.length, make === segment);
      assert.deepEqual(payloads(written), payloads(packets));
      const drops = [...harness.engine.frames.networks].map(({ drops }) => drops.snapshot());
      assert.deepEqual(Object.values(drops[0] ?? {}).reduce((sum, count) => sum + count, 0), 0);
    });
  }
}
