/**
 * Tests of packets for a peer whose path is narrower than the MTU.
 * @module
 */

import assert from "node:assert/strict";
import { IP_PROTOCOL, transportChecksum, uint16At } from "../../net/mod.ts";
import { EngineHarness, frame, ipPacket } from "./testing/engine_harness.ts";
import { makeSuperpacket, type SuperpacketShape } from "./testing/superpackets.ts";
import { NEEDS_CHECKSUM, readVirtioHeader, VIRTIO_HEADER_BYTES } from "./superpacket.ts";

const LIMIT = 1202;

function harness(limit = LIMIT): EngineHarness {
  const made = new EngineHarness({ seed: 31 });
  made.greet();
  made.device.setPathMtu(made.peer.publicKey, limit);
  return made;
}

/** @returns a superpacket as the host's kernel says it: how long its headers are is a hint, and too much */
function superframe(shape: SuperpacketShape): Uint8Array {
  const { packet, header } = makeSuperpacket(shape);
  const out = frame(packet, header);
  new DataView(out.buffer).setUint16(2, 200, true);
  return out;
}

for (const version of [4, 6] as const) {
  const headerBytes = (version === 4 ? 20 : 40) + 32;

  Deno.test(`PacketEngine carries superpackets whose packets fit a narrow path, and none is padded beyond it (IPv${version})`, () => {
    const made = harness();
    const gsoSize = LIMIT - headerBytes;
    made.calls.frames.push(superframe({ protocol: "tcp", version, payloadBytes: 10 * gsoSize, gsoSize }));
    made.run();
    const datagrams = made.calls.sends.flatMap((send) => send.datagrams);
    assert.deepEqual(datagrams.map((each) => each.length), new Array(10).fill(LIMIT + 32));
    made.settle();
    assert.equal(made.arrived.length, 10);
  });

  Deno.test(`PacketEngine tells the host once that a superpacket's packets are too long for the path (IPv${version})`, () => {
    for (const gsoSize of [LIMIT - headerBytes + 1, 1420 - headerBytes]) {
      // IPv6 of up to 1,280 bytes is cut.
      if (version === 6 && gsoSize + headerBytes <= 1280) continue;
      const made = harness();
      const shape: SuperpacketShape = { protocol: "tcp", version, payloadBytes: 20 * gsoSize, gsoSize };
      const wholeFrame = superframe(shape);
      // TCP does not let its packets be cut.
      if (version === 4) wholeFrame[VIRTIO_HEADER_BYTES + 6] = 0x40;
      made.calls.frames.push(wholeFrame);
      made.run();
      assert.equal(made.calls.sends.length, 0);
      const [answer = assert.fail(), ...others] = made.calls.written;
      assert.equal(others.length, 0);
      const start = VIRTIO_HEADER_BYTES + (version === 4 ? 20 : 40);
      assert.deepEqual([...answer.subarray(start, start + 2)], version === 4 ? [3, 4] : [2, 0]);
      assert.equal(uint16At(answer, start + 6), version === 4 ? LIMIT : 1280);
      assert.equal(readVirtioHeader(answer, 0).gsoType, 0);
    }
  });

  Deno.test(`PacketEngine lowers the segments that TCP names, both ways, begun checksums or whole (IPv${version})`, () => {
    const made = harness();
    const { packet, header } = makeSuperpacket({ protocol: "tcp", version, payloadBytes: 0, gsoSize: 0 });
    const start = version === 4 ? 20 : 40;
    packet[start + 13] = 0x02;
    packet.set([1, 1, 2, 4, 1460 >> 8, 1460 & 255], start + 20);
    made.calls.frames.push(frame(packet, { ...header, flags: NEEDS_CHECKSUM, gsoType: 0, gsoSize: 0 }));
    made.settle();
    const [arrived = assert.fail()] = made.arrived;
    assert.equal(uint16At(arrived, start + 24), LIMIT - start - 20);
    assert.equal(transportChecksum(arrived, start, IP_PROTOCOL.TCP), 0);
    const back = arrived.slice();
    // The same segment, named anew, from there to here.
    const [source, destination] = version === 4 ? [12, 16] : [8, 24];
    back.set(arrived.subarray(source, destination), destination);
    back.set(arrived.subarray(destination, 2 * destination - source), source);
    back.set([1460 >> 8, 1460 & 255], start + 24);
    back.set([0, 0], start + 16);
    const sum = transportChecksum(back, start, IP_PROTOCOL.TCP);
    back.set([sum >> 8, sum & 255], start + 16);
    made.calls.written.length = 0;
    for (const bytes of made.sealed([back])) {
      made.calls.receives.push({
        bytes,
        source: made.device.peerStatus(made.peer.publicKey)?.endpoint ?? assert.fail(),
      });
    }
    made.run();
    const written = made.calls.written[0]?.subarray(VIRTIO_HEADER_BYTES) ?? assert.fail();
    assert.equal(uint16At(written, start + 24), LIMIT - start - 20);
    assert.equal(transportChecksum(written, start, IP_PROTOCOL.TCP), 0);
  });
}

Deno.test("PacketEngine cuts what may be cut, out of superpackets of UDP too, in whole packets before and behind", () => {
  const made = harness();
  made.calls.frames.push(
    frame(ipPacket(1, 2, 100)),
    frame(ipPacket(1, 2, 1420)),
    superframe({ protocol: "udp", version: 4, payloadBytes: 4 * 1300, gsoSize: 1300 }),
    frame(ipPacket(1, 2, LIMIT)),
  );
  made.settle();
  assert.equal(made.arrived.length, 2 + 2 * 5);
  assert.ok(made.arrived.every((each) => each.length <= LIMIT));
  const offsets = made.arrived.map((each) => uint16At(each, 6)).filter((field) => field !== 0);
  assert.equal(offsets.filter((field) => field === 0x2000).length, 5);
  assert.equal(made.calls.written.length, 0);
});

Deno.test("PacketEngine whose peer's limit is taken back, or is none, asks nothing", () => {
  const made = harness();
  made.device.setPathMtu(made.peer.publicKey, undefined);
  made.calls.frames.push(frame(ipPacket(1, 2, 1420)));
  made.settle();
  assert.deepEqual(made.arrived.map((each) => each.length), [1420]);
});
