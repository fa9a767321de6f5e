/**
 * Tests of overlay networks in the engine: system calls in memory, a real switch, a peer that opens what is sent.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../../../base/mod.ts";
import { selectAead, WasmBatchCipher } from "../../../crypto/mod.ts";
import { ERRNO } from "../../../host/mod.ts";
import { internetChecksum } from "../../../net/mod.ts";
import { PlainBatchCipher } from "../plain_batch_cipher.ts";
import { splitSuperpacket, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { frame, HARNESS_PAGES, ipPacket } from "../testing/engine_harness.ts";
import {
  addEndpoint,
  BLUE,
  blueHarness,
  CHANNEL,
  dropsOf,
  ethernet,
  HEAD_BYTES,
  LOCAL,
  LOCAL_FD,
  MACS,
  OTHER,
  OTHER_FD,
  OUTER_BYTES,
  outerPacket,
  put,
  receive,
  REMOTE,
  stream,
  tapFrame,
  writtenFrames,
} from "../testing/blue_network.ts";
import { nativeCiphers } from "../testing/native_ciphers.ts";
import { makeSuperpacket } from "../testing/superpackets.ts";
import { FAKE_EPOLL_FD } from "../testing/fake_calls.ts";

for (
  const [name, makeCipher] of [
    ["the WebAssembly cipher", () => new WasmBatchCipher(HARNESS_PAGES)],
    ...nativeCiphers,
    ["the plain cipher", () => new PlainBatchCipher(selectAead(), HARNESS_PAGES)],
  ] as const
) {
  Deno.test(`FrameEngine on ${name} wraps and cuts a superframe for a member, with and without a session`, () => {
    const harness = blueHarness({ cipher: makeCipher() });
    for (const hasSession of [false, true]) {
      harness.arrived.length = 0;
      const { packet, header } = stream(20_000);
      const expected = splitSuperpacket(packet.slice(), header) ?? assert.fail();
      put(harness, LOCAL_FD, tapFrame(ethernet(LOCAL, REMOTE, packet), header));
      harness.settle();
      assert.equal(harness.arrived.length, expected.length, `${hasSession}`);
      for (const [i, arrived] of harness.arrived.entries()) {
        const view = new DataView(arrived.buffer);
        assert.equal(internetChecksum(arrived, 0, 20), 0);
        assert.deepEqual([view.getUint16(2), view.getUint16(24)], [arrived.length, arrived.length - 20]);
        assert.deepEqual([...arrived.subarray(12, 20)], [10, 200, 0, 1, 10, 200, 0, 2]);
        assert.deepEqual([view.getUint16(22), view.getUint16(26)], [4789, 0]);
        assert.deepEqual([...arrived.subarray(28, 36)], [8, 0, 0, 0, 0, 3, 0xe9, 0]);
        assert.deepEqual(
          arrived.subarray(OUTER_BYTES, HEAD_BYTES),
          ethernet(LOCAL, REMOTE, new Uint8Array(0)),
        );
        assert.deepEqual(arrived.subarray(HEAD_BYTES), expected[i]);
      }
    }
    assert.deepEqual(dropsOf(harness), {});
  });

  Deno.test(`FrameEngine on ${name} hands a member's frames to the endpoint, and other packets to the host`, () => {
    const harness = blueHarness({ cipher: makeCipher() });
    harness.greet();
    const { packet, header } = stream(20_000);
    const frames = (splitSuperpacket(packet, header) ?? []).map((each) => ethernet(REMOTE, LOCAL, each));
    const others = [
      ipPacket(2, 1, 200),
      outerPacket(frames[0] ?? new Uint8Array(0), { vni: 7 }),
      outerPacket(frames[0] ?? new Uint8Array(0), { port: 4790 }),
    ];
    const short = outerPacket(new Uint8Array(0)).subarray(0, 33);
    new DataView(short.buffer).setUint16(2, short.length);
    new DataView(short.buffer).setUint16(24, short.length - 20);
    receive(harness, [...frames.map((each) => outerPacket(each)), short, ...others]);
    assert.deepEqual(harness.drops, { "frames-truncated": 1 });
    assert.deepEqual(writtenFrames(harness, LOCAL_FD), frames);
    assert.deepEqual(harness.calls.written.map((each) => each.slice(VIRTIO_HEADER_BYTES)), others);
    assert.deepEqual(dropsOf(harness), {});
  });
}

Deno.test("FrameEngine joins a member's frames to superframes, one decision each", () => {
  const harness = blueHarness();
  harness.greet();
  const { packet, header } = stream(40_000);
  const frames = (splitSuperpacket(packet, header) ?? []).map((each) => ethernet(REMOTE, LOCAL, each));
  receive(harness, frames.map((each) => outerPacket(each)));
  assert.deepEqual(writtenFrames(harness, LOCAL_FD), frames);
  assert.ok((harness.calls.writtenTo.get(LOCAL_FD)?.length ?? 0) <= 3);
  const counts = harness.engine.frames.counts.networkCounts(BLUE);
  assert.ok((counts?.framesIn ?? 99) <= 3, `${counts?.framesIn} decisions`);
});

Deno.test("FrameEngine drops and counts what a member without an endpoint sends, and what has no room in the network", () => {
  const harness = blueHarness();
  harness.greet();
  const inner = ethernet(REMOTE, LOCAL, ipPacket(2, 1));
  receive(harness, [outerPacket(ethernet(OTHER, LOCAL, ipPacket(2, 1))), outerPacket(inner.subarray(0, 10))]);
  assert.deepEqual(dropsOf(harness), { "foreign-mac": 1, "short-frame": 1 });
  harness.engine.frames.removeRemote(REMOTE);
  receive(harness, [outerPacket(inner), outerPacket(inner)]);
  assert.equal(dropsOf(harness)["not-a-member"], 2);
  harness.engine.frames.removeNetwork(BLUE);
  receive(harness, [outerPacket(inner)]);
  assert.deepEqual(harness.calls.written.map((each) => each.slice(VIRTIO_HEADER_BYTES)), [
    outerPacket(inner),
  ]);
  assert.equal(harness.calls.writtenTo.size, 0);
});

Deno.test("FrameEngine carries frames between endpoints of one host whole, and cuts them for those that take none whole", () => {
  for (const hasHeader of [true, false]) {
    const harness = blueHarness();
    addEndpoint(harness.engine.frames, OTHER, OTHER_FD, hasHeader);
    const { packet, header } = stream(20_000);
    const whole = tapFrame(ethernet(LOCAL, OTHER, packet), header);
    const expected = splitSuperpacket(packet.slice(), header) ?? assert.fail();
    put(harness, LOCAL_FD, whole);
    harness.run();
    const written = harness.calls.writtenTo.get(OTHER_FD) ?? [];
    if (hasHeader) assert.deepEqual(written, [whole]);
    else assert.deepEqual(written, expected.map((each) => ethernet(LOCAL, OTHER, each)));
  }
});

Deno.test("FrameEngine floods to endpoints and members, each with a whole frame", () => {
  const harness = blueHarness();
  harness.greet();
  addEndpoint(harness.engine.frames, OTHER, OTHER_FD);
  // It announces its addresses.
  harness.settle();
  harness.arrived.length = 0;
  harness.calls.writtenTo.clear();
  const broadcast = ethernet(LOCAL, 0, new Uint8Array(60).fill(7), 0x88b6);
  put(harness, LOCAL_FD, tapFrame(broadcast));
  harness.settle();
  assert.deepEqual(writtenFrames(harness, OTHER_FD), [broadcast]);
  assert.deepEqual(harness.arrived.map((each) => each.subarray(OUTER_BYTES)), [broadcast]);
  receive(harness, [outerPacket(ethernet(REMOTE, 0, new Uint8Array(60).fill(8), 0x88b6))]);
  for (const fd of [LOCAL_FD, OTHER_FD]) {
    assert.deepEqual(
      writtenFrames(harness, fd).at(-1),
      ethernet(REMOTE, 0, new Uint8Array(60).fill(8), 0x88b6),
    );
  }
});

Deno.test("FrameEngine floods a superframe whole to whom can take it, cut to others, and each has all of it", () => {
  for (const hasHeader of [true, false]) {
    const harness = blueHarness();
    harness.greet();
    addEndpoint(harness.engine.frames, OTHER, OTHER_FD, hasHeader);
    harness.settle();
    harness.arrived.length = 0;
    harness.calls.writtenTo.clear();
    const { packet, header } = makeSuperpacket({
      protocol: "udp",
      version: 4,
      payloadBytes: 9000,
      gsoSize: 1318,
    });
    // From the endpoint's own address.
    packet.set([10, 0, 0, 1], 12);
    const expected = (splitSuperpacket(packet.slice(), header) ?? []).map((each) => ethernet(LOCAL, 0, each));
    put(harness, LOCAL_FD, tapFrame(ethernet(LOCAL, 0, packet), header));
    harness.settle();
    assert.deepEqual(harness.arrived.map((each) => each.subarray(OUTER_BYTES)), expected);
    if (hasHeader) assert.deepEqual(writtenFrames(harness, OTHER_FD), expected);
    else assert.deepEqual(harness.calls.writtenTo.get(OTHER_FD), expected);
  }
});

Deno.test("FrameEngine tells of an endpoint that is gone, whichever call finds it, and carries the others on", () => {
  const inner = ethernet(REMOTE, LOCAL, ipPacket(2, 1));
  for (const isRead of [true, false]) {
    const harness = blueHarness();
    harness.greet();
    addEndpoint(harness.engine.frames, OTHER, OTHER_FD);
    if (isRead) put(harness, LOCAL_FD, ERRNO.EBADFD);
    else harness.calls.writeError = (_, fd) => fd === LOCAL_FD ? ERRNO.EBADFD : 0;
    receive(harness, isRead ? [] : [outerPacket(inner)]);
    assert.deepEqual(harness.portEvents, [{ kind: "port-gone", port: LOCAL }]);
    assert.deepEqual([...harness.calls.tokens.keys()], [OTHER_FD]);
    receive(harness, [outerPacket(ethernet(REMOTE, OTHER, ipPacket(2, 1)))]);
    assert.equal(writtenFrames(harness, OTHER_FD).length, 1);
    harness.engine.frames.removePort(LOCAL);
    assert.deepEqual(harness.portEvents.at(-1), { kind: "port-released", port: LOCAL });
    harness.engine.frames.close();
    assert.deepEqual(harness.calls.closed, [FAKE_EPOLL_FD]);
  }
});

Deno.test("FrameEngine counts what an endpoint does not take, and goes on", () => {
  const harness = blueHarness();
  harness.greet();
  const inner = outerPacket(ethernet(REMOTE, LOCAL, ipPacket(2, 1)));
  for (const errno of [ERRNO.EAGAIN, ERRNO.EIO, ERRNO.EINVAL]) {
    harness.calls.writeError = (_, fd) => fd === LOCAL_FD ? errno : 0;
    receive(harness, [inner]);
  }
  harness.calls.writeError = () => 0;
  receive(harness, [inner]);
  assert.deepEqual(dropsOf(harness), { "port-full": 1, "port-failed": 2 });
  assert.equal(writtenFrames(harness, LOCAL_FD).length, 1);
  assert.deepEqual(harness.portEvents, []);
});

Deno.test("FrameEngine hands packets for members without a packet plane to their channels, and takes theirs, in bounds", () => {
  const harness = blueHarness();
  const { frames } = harness.engine;
  frames.setRemote({
    port: CHANNEL,
    network: BLUE,
    allowsForeign: false,
    via: { kind: "channel", nodeId: "node-3" },
  });
  frames.setBinding({ network: BLUE, port: CHANNEL, mac: MACS[OTHER] ?? "", addresses: ["10.0.0.2"] });
  const { packet, header } = stream(3000);
  put(harness, LOCAL_FD, tapFrame(ethernet(LOCAL, OTHER, packet), header));
  harness.run();
  const packets = harness.portEvents.map((event) =>
    event.kind === "channel-packet" ? event.packet : assert.fail()
  );
  const cut = splitSuperpacket(packet.slice(), header) ?? [];
  const wrapped = (each: Uint8Array) => Uint8Array.of(0x12, 0xb5, ...outerPacket(each).subarray(28));
  assert.deepEqual(packets, cut.map((each) => wrapped(ethernet(LOCAL, OTHER, each))));

  const back = ethernet(OTHER, LOCAL, ipPacket(2, 1));
  frames.receiveFromChannel(harness.now, "node-3", wrapped(back));
  frames.receiveFromChannel(harness.now, "node-4", wrapped(back));
  frames.receiveFromChannel(harness.now, "node-3", wrapped(back).subarray(0, 5));
  frames.receiveFromChannel(harness.now, "node-3", Uint8Array.of(0x12, 0xb6, ...wrapped(back).subarray(2)));
  frames.receiveFromChannel(harness.now, "node-3", Uint8Array.of(0x12, 0xb5));
  assert.deepEqual(writtenFrames(harness, LOCAL_FD), [back]);
  assert.deepEqual(harness.drops, { "frames-truncated": 2, "frames-unknown-network": 1 });

  for (let i = 0; i < 30; i++) {
    put(harness, LOCAL_FD, tapFrame(ethernet(LOCAL, OTHER, stream(60_000).packet), stream(60_000).header));
    harness.run();
  }
  assert.ok(harness.portEvents.length <= 1024, `${harness.portEvents.length} packets under way`);
  assert.ok((dropsOf(harness)["channel-full"] ?? 0) > 0);
});

Deno.test("FrameEngine survives every frame of an endpoint and every payload of a member", () => {
  const harness = blueHarness({ seed: 5 });
  harness.greet();
  const { random } = harness;
  const any = (most: number) => {
    const bytes = new Uint8Array(2);
    random.fill(bytes);
    return ((bytes[0] ?? 0) << 8 | (bytes[1] ?? 0)) % most;
  };
  for (let i = 0; i < 600; i++) {
    const bytes = new Uint8Array(any(1400));
    random.fill(bytes);
    if (any(4) > 0 && bytes.length > 40) {
      bytes.set(ethernet(LOCAL, any(2) === 0 ? REMOTE : 0, Uint8Array.of(0x45)));
    }
    const header = {
      flags: any(2),
      gsoType: [0, 1, 4, 5, 9, 0][any(6)] ?? 0,
      gsoSize: [0, 1, 500, 65_535][any(4)] ?? 0,
      checksumStart: [0, 14, 34, 54, 1000, 65_535][any(6)] ?? 0,
      checksumOffset: [0, 6, 16, 65_535][any(4)] ?? 0,
    };
    const bare = frame(bytes, header);
    put(harness, LOCAL_FD, bare.subarray(0, any(20) === 0 ? any(12) + 1 : bare.length));
    harness.run();
    const payload = new Uint8Array(any(1300));
    random.fill(payload);
    if (any(3) > 0 && payload.length > 40) {
      payload.set(ethernet(REMOTE, any(2) === 0 ? LOCAL : 0, Uint8Array.of(0x45)));
    }
    receive(
      harness,
      [outerPacket(payload).subarray(0, any(10) === 0 ? 36 : undefined)].filter((each) => {
        new DataView(each.buffer, each.byteOffset).setUint16(2, each.length);
        return true;
      }),
    );
  }
  harness.calls.writtenTo.clear();
  const good = ethernet(REMOTE, LOCAL, ipPacket(2, 1));
  harness.now = (harness.now + 5_000) as typeof harness.now;
  receive(harness, [outerPacket(good)]);
  assert.deepEqual(writtenFrames(harness, LOCAL_FD), [good]);
});

Deno.test("FrameEngine lets no program of this host send what only the switch may, alone or among segments", () => {
  const harness = blueHarness();
  harness.greet();
  harness.arrived.length = 0;
  const inner = ethernet(LOCAL, REMOTE, ipPacket(1, 2));
  const fromHost = (vni: number, port = 4789) => {
    const packet = outerPacket(inner, { vni, from: 1, port });
    packet[19] = 2;
    return packet;
  };
  const batch = makeSuperpacket({ protocol: "udp", version: 4, payloadBytes: 900, gsoSize: 300 });
  new DataView(batch.packet.buffer).setUint16(22, 4789);
  const innocent = batch.packet.slice();
  batch.packet.set([8, 0, 0, 0, 0, 0x03, 0xe9, 0, ...inner], 28 + 300);
  const others = [fromHost(7), fromHost(1001, 4790)];
  harness.calls.frames.push(
    frame(fromHost(1001)),
    frame(batch.packet, batch.header),
    ...others.map((each) => frame(each)),
  );
  harness.settle();
  assert.deepEqual(harness.arrived, others);
  assert.equal(dropsOf(harness)["from-host"], 2);
  harness.calls.frames.push(frame(innocent, batch.header));
  harness.settle();
  assert.equal(harness.arrived.length, others.length + 3);
  // Nobody else is to have the network.
  harness.engine.frames.removeNetwork(BLUE);
  harness.calls.frames.push(frame(fromHost(1001)));
  harness.settle();
  assert.equal(harness.arrived.length, others.length + 4);
});

Deno.test("FrameEngine refuses a superframe that would be cut into more packets than a host makes, with a session or without", () => {
  for (const hasSession of [false, true]) {
    const harness = blueHarness();
    if (hasSession) harness.greet();
    const { packet, header } = stream(60_000);
    const sized = (gsoSize: number) => tapFrame(ethernet(LOCAL, REMOTE, packet), { ...header, gsoSize });
    put(harness, LOCAL_FD, sized(0), sized(1), sized(40));
    harness.run();
    assert.equal(dropsOf(harness).malformed, 3);
    assert.equal(harness.device.counters.snapshot()["handshake-queue-full"], 0);
  }
});

Deno.test("FrameEngine wants no turn any more when the last network is gone, whatever it had learned", () => {
  const harness = blueHarness();
  const { frames } = harness.engine;
  frames.setPort({
    port: OTHER,
    network: BLUE,
    name: "bridge",
    allowsForeign: true,
    device: {
      kind: "descriptor",
      fd: OTHER_FD,
      hasHeader: true,
      offloads: { tso: true, uso: true },
      of: "tap",
    },
  });
  put(harness, OTHER_FD, tapFrame(ethernet(OTHER, LOCAL, ipPacket(2, 1))));
  harness.run();
  assert.ok(frames.pollTimeout() !== undefined, "what was learned is forgotten some time");
  frames.removeNetwork(BLUE);
  harness.now = millis(harness.now + 600_000);
  harness.run();
  assert.equal(frames.pollTimeout(), undefined);
  harness.calls.waits.length = 0;
  harness.run();
  assert.ok(harness.calls.waits.every((waitMs) => waitMs !== 0), `waited ${harness.calls.waits}`);
});
