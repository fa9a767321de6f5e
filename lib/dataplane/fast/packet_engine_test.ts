/**
 * Tests of the engine on system calls in memory: what hosts and strangers may do to it.
 * @module
 */

import assert from "node:assert/strict";
import { millis, type SeededRandom } from "../../base/mod.ts";
import { type BatchCipher, PrivateKey, selectAead, WasmBatchCipher } from "../../crypto/mod.ts";
import { ERRNO, POLLERR, POLLIN } from "../../host/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";
import {
  GSO,
  readVirtioHeader,
  splitSuperpacket,
  VIRTIO_HEADER_BYTES,
  type VirtioHeader,
} from "./superpacket.ts";
import { EngineHarness, frame, HARNESS_PAGES, ipPacket, peerEndpoint } from "./testing/engine_harness.ts";
import { FAKE_TUN_FD, FAKE_UDP_FD, type FakeCalls } from "./testing/fake_calls.ts";
import { nativeCiphers } from "./testing/native_ciphers.ts";
import { makeSuperpacket } from "./testing/superpackets.ts";

/** The packets that were written to the interface, superpackets taken apart. */
function writtenPackets(calls: FakeCalls): Uint8Array[] {
  return calls.written.flatMap((written) =>
    splitSuperpacket(written.slice(VIRTIO_HEADER_BYTES), readVirtioHeader(written, 0)) ?? assert.fail()
  );
}

const ciphers: readonly (readonly [string, () => BatchCipher])[] = [
  ["the WebAssembly cipher", () => new WasmBatchCipher(HARNESS_PAGES)],
  ...nativeCiphers,
  ["the plain cipher", () => new PlainBatchCipher(selectAead(), HARNESS_PAGES)],
];

for (const [name, makeCipher] of ciphers) {
  Deno.test(`PacketEngine on ${name} carries superpackets there, and what comes back`, () => {
    const harness = new EngineHarness({ cipher: makeCipher() });
    for (const hasSession of [false, true]) {
      harness.arrived.length = 0;
      for (const protocol of ["tcp", "udp"] as const) {
        const { packet, header } = makeSuperpacket({
          protocol,
          version: 4,
          payloadBytes: 20_000,
          gsoSize: 1340,
        });
        harness.calls.frames.push(frame(packet, header));
      }
      harness.settle();
      assert.equal(harness.arrived.length, 30, `${hasSession}`);
    }
    const packets = Array.from({ length: 40 }, (_, i) => ipPacket(2, 1, 200 + i));
    for (const bytes of harness.sealed(packets)) harness.calls.receives.push({ bytes, source: peerEndpoint });
    harness.run();
    assert.deepEqual(
      writtenPackets(harness.calls).map((each) => each.length),
      packets.map((each) => each.length),
    );
    assert.deepEqual(harness.drops, {});
  });

  Deno.test(`PacketEngine on ${name} carries small packets of any mixture of sizes in their order`, () => {
    for (const hasGso of [true, false]) {
      const harness = new EngineHarness({ cipher: makeCipher(), hasGso });
      harness.greet();
      const lengths = Array.from(
        { length: 100 },
        (_, i) => i < 50 ? 100 : 60 + 40 * (byte(harness.random) % 4),
      );
      const packets = lengths.map((lengthBytes) => ipPacket(1, 2, lengthBytes));
      harness.calls.frames.push(...packets.map((packet) => frame(packet)));
      harness.settle();
      assert.deepEqual(harness.arrived, packets);
    }
  });

  Deno.test(`PacketEngine on ${name} survives every virtio header and frame, and sends only what can be opened`, () => {
    for (const hasSession of [true, false]) {
      const harness = new EngineHarness({ cipher: makeCipher(), seed: 7 });
      if (hasSession) harness.greet();
      const { random } = harness;
      const any = (choices: readonly number[]) => choices[byte(random) % choices.length] ?? 0;
      for (let i = 0; i < 400; i++) {
        const packet = new Uint8Array(any([0, 1, 19, 20, 28, 39, 40, 60, 100, 1500, 5000, 65_535]));
        random.fill(packet);
        if (packet.length > 20 && byte(random) < 200) {
          packet.set(byte(random) < 128 ? [0x45, 0] : [0x60, 0]);
          packet.set([10, 200, 0, 2], 16);
          if (packet.length >= 40 && packet[0] === 0x60) packet.set([0xfd, 1, 2, 4], 24);
        }
        const header: VirtioHeader = {
          flags: any([0, 1, 2, 255]),
          gsoType: any([0, 1, 3, 4, 5, 0x81, 0x7f, 255]),
          gsoSize: any([0, 1, 8, 536, 1340, 1420, 9000, 65_535]),
          checksumStart: any([0, 19, 20, 34, 40, 54, 1400, 65_535]),
          checksumOffset: any([0, 6, 16, 1400, 65_535]),
        };
        const bytes = frame(packet, header);
        harness.calls.frames.push(
          bytes.subarray(0, byte(random) < 10 ? 1 + byte(random) % 10 : bytes.length),
        );
        // The session that begins below must not wait for a time that stands still.
        if (i % 50 === 0) harness.settle();
      }
      harness.settle();
      assert.equal(harness.peer.counters.get("wrong-tag"), 0);
      assert.equal(harness.peer.counters.get("malformed-datagram"), 0);
      assert.ok(harness.device.counters.get("malformed-packet") > 50);
      harness.arrived.length = 0;
      harness.calls.frames.push(frame(ipPacket(1, 2)));
      harness.settle();
      assert.deepEqual(harness.arrived, [ipPacket(1, 2)]);
    }
  });
}

function byte(random: SeededRandom): number {
  const out = new Uint8Array(1);
  random.fill(out);
  return out[0] ?? 0;
}

Deno.test("PacketEngine joins datagrams that come one by one to superpackets", () => {
  const harness = new EngineHarness();
  harness.greet();
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 30_000,
    gsoSize: 1340,
  });
  packet.set([10, 200, 0, 2, 10, 200, 0, 1], 12);
  const packets = splitSuperpacket(packet, header) ?? assert.fail();
  for (const bytes of harness.sealed(packets)) harness.calls.receives.push({ bytes, source: peerEndpoint });
  harness.run();
  assert.equal(writtenPackets(harness.calls).length, packets.length);
  assert.ok(harness.calls.written.length <= 3, `${harness.calls.written.length} frames`);
});

Deno.test("PacketEngine counts what strangers send by reason, writes none of it, and keeps nothing of it", () => {
  const harness = new EngineHarness({ seed: 3 });
  harness.greet();
  const packets = Array.from({ length: 64 }, () => ipPacket(2, 1, 500));
  const honest = harness.sealed(packets);
  for (const bytes of honest) harness.calls.receives.push({ bytes, source: peerEndpoint });
  harness.run();
  assert.equal(writtenPackets(harness.calls).length, 64);
  harness.calls.written.length = 0;
  const sessions = harness.device.sessionsInUse;
  const before = harness.device.counters.snapshot();

  const replayed = honest.flatMap((bytes) => [bytes, bytes]);
  const unknown = honest.map((bytes) => {
    const copy = bytes.slice();
    copy.set([1, 2, 3, 4], 4);
    return copy;
  });
  const forged = harness.sealed(packets).map((bytes) => {
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    return bytes;
  });
  const spent = honest.map((bytes) => {
    const copy = bytes.slice();
    copy.fill(0xff, 8, 16);
    return copy;
  });
  const spoofed = harness.sealed(Array.from({ length: 64 }, () => ipPacket(2, 1, 500)));
  // The other side may send from there; this one does not let it.
  harness.device.setPeer(harness.now, {
    publicKey: harness.peer.publicKey,
    endpoint: peerEndpoint,
    allowedIps: [Cidr.parse("10.200.0.9/32") ?? assert.fail()],
  });
  const kinds: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ["replayed-datagram", replayed],
    ["unknown-session", unknown],
    ["wrong-tag", forged],
    ["expired-session", spent],
    ["source-not-allowed", spoofed],
  ];
  for (const isGso of [false, true]) {
    for (const [reason, datagrams] of kinds) {
      if (isGso && reason === "source-not-allowed") continue;
      const counted = harness.device.counters.get(reason as "wrong-tag");
      if (isGso) {
        const segmentBytes = datagrams[0]?.length ?? 0;
        for (let i = 0; i < datagrams.length; i += 64) {
          const bytes = new Uint8Array(datagrams.slice(i, i + 64).flatMap((each) => [...each]));
          harness.calls.receives.push({ bytes, source: peerEndpoint, segmentBytes });
        }
      } else for (const bytes of datagrams) harness.calls.receives.push({ bytes, source: peerEndpoint });
      harness.run();
      assert.equal(harness.device.counters.get(reason as "wrong-tag") - counted, datagrams.length, reason);
    }
  }
  const malformed = harness.device.counters.get("malformed-datagram");
  for (let i = 0; i < 3; i++) harness.calls.receives.push({ bytes: new Uint8Array(0), source: peerEndpoint });
  harness.run();
  assert.equal(harness.device.counters.get("malformed-datagram") - malformed, 3, "of no bytes at all");
  for (let i = 0; i < 200; i++) {
    const bytes = new Uint8Array(1 + 5 * byte(harness.random) * (i % 7));
    harness.random.fill(bytes);
    if (i % 3 === 0) bytes.set([4, 0, 0, 0].slice(0, bytes.length));
    const segmentBytes = 1 + byte(harness.random) * (i % 5);
    harness.calls.receives.push({ bytes, source: peerEndpoint, segmentBytes });
  }
  harness.run();
  const after = harness.device.counters.snapshot();
  const dropped = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  assert.ok(dropped(after) - dropped(before) > 10_000, "every datagram of a batch of garbage counts");
  assert.deepEqual(harness.calls.written, []);
  assert.equal(harness.device.sessionsInUse, sessions);
});

Deno.test("PacketEngine follows the last authentic datagram's source, whatever stands between", () => {
  const harness = new EngineHarness();
  harness.greet();
  const [first, second, third] = ["198.51.100.1:1", "198.51.100.2:2", "198.51.100.3:3"].map((text) =>
    Endpoint.parse(text) ?? assert.fail()
  );
  assert.ok(first && second && third);
  const unknown = new Uint8Array(64);
  unknown[0] = 4;
  const where = () => harness.device.peerStatus(harness.peer.publicKey)?.endpoint?.toString();
  const before = harness.device.peerStatus(harness.peer.publicKey)?.rxBytes ?? 0;
  for (const [from, then] of [[first, second], [second, first]] as const) {
    const [a, b] = harness.sealed([ipPacket(2, 1, 100), ipPacket(2, 1, 200)]);
    assert.ok(a && b);
    harness.calls.receives.push(
      { bytes: a, source: from },
      { bytes: new Uint8Array(70), source: third },
      { bytes: unknown, source: third },
      { bytes: b, source: then },
      { bytes: a, source: third },
    );
    harness.run();
    assert.equal(where(), then.toString());
  }
  assert.equal(harness.calls.written.length, 4);
  assert.equal((harness.device.peerStatus(harness.peer.publicKey)?.rxBytes ?? 0) - before, 2 * (144 + 240));
});

Deno.test("PacketEngine counts every datagram of a session that is too old as such", () => {
  const harness = new EngineHarness();
  harness.greet();
  const sealed = harness.sealed(Array.from({ length: 10 }, () => ipPacket(2, 1, 100)));
  harness.now = millis(harness.now + 181_000);
  const [{ length: segmentBytes } = assert.fail()] = sealed;
  const bytes = new Uint8Array(sealed.flatMap((each) => [...each]));
  harness.calls.receives.push({ bytes, source: peerEndpoint, segmentBytes });
  harness.run();
  assert.equal(harness.device.counters.get("expired-session"), 10);
  assert.deepEqual(harness.calls.written, []);
});

Deno.test("PacketEngine opens a batch of the smallest datagrams that 32 receives can bring", () => {
  const harness = new EngineHarness();
  harness.greet();
  // Keepalives have nothing but a header and a tag; these are more than a table of the cipher holds.
  const [keepalive] = harness.sealed([ipPacket(2, 1)]);
  assert.ok(keepalive);
  const bytes = new Uint8Array(65_504);
  for (let at = 0; at < bytes.length; at += 32) bytes.set(keepalive.subarray(0, 32), at);
  for (let i = 0; i < 40; i++) {
    harness.calls.receives.push({ bytes: bytes.slice(0, 32), source: peerEndpoint });
  }
  for (let i = 0; i < 40; i++) harness.calls.receives.push({ bytes, source: peerEndpoint, segmentBytes: 32 });
  const before = harness.device.counters.get("wrong-tag");
  harness.run();
  assert.equal(harness.device.counters.get("wrong-tag") - before, 40 + 40 * 2047);
});

Deno.test("PacketEngine tells of an interface that is gone, whichever call finds it", () => {
  for (const end of [ERRNO.EBADFD, ERRNO.EIO, ERRNO.EBADF, new Uint8Array(0)]) {
    const harness = new EngineHarness();
    harness.calls.frames.push(end);
    assert.equal(harness.run(), "interface-gone");
  }
  const writing = new EngineHarness();
  writing.greet();
  for (const bytes of writing.sealed([ipPacket(2, 1)])) {
    writing.calls.receives.push({ bytes, source: peerEndpoint });
  }
  writing.calls.writeError = () => ERRNO.EBADFD;
  assert.equal(writing.run(), "interface-gone");
  const polling = new EngineHarness();
  polling.calls.onPoll = () => new Map([[FAKE_TUN_FD, POLLERR]]);
  assert.equal(polling.engine.run(), "interface-gone");
});

Deno.test("PacketEngine counts what an interface that is down or full does not take, and goes on", () => {
  const harness = new EngineHarness();
  harness.greet();
  const errors = [ERRNO.EIO, ERRNO.ENOBUFS, ERRNO.EINVAL, ERRNO.EAGAIN];
  for (const errno of errors) {
    harness.calls.writeError = () => errno;
    for (const bytes of harness.sealed([ipPacket(2, 1)])) {
      harness.calls.receives.push({ bytes, source: peerEndpoint });
    }
    assert.equal(harness.run(), "stopped");
  }
  assert.deepEqual(harness.drops, { "interface-full": errors.length });
  harness.calls.writeError = () => 0;
  for (const bytes of harness.sealed([ipPacket(2, 1)])) {
    harness.calls.receives.push({ bytes, source: peerEndpoint });
  }
  harness.run();
  assert.deepEqual(writtenPackets(harness.calls), [ipPacket(2, 1)]);
});

Deno.test("PacketEngine counts a packet that its host has no header for, and goes on", () => {
  const harness = new EngineHarness();
  harness.greet();
  harness.calls.frames.push(ERRNO.EINVAL, frame(ipPacket(1, 2)));
  assert.equal(harness.run(), "stopped");
  harness.settle();
  assert.deepEqual(harness.arrived, [ipPacket(1, 2)]);
  assert.equal(harness.device.counters.get("malformed-packet"), 1);
});

Deno.test("PacketEngine goes on when a signal interrupts it", () => {
  const harness = new EngineHarness();
  harness.greet();
  harness.calls.frames.push(ERRNO.EINTR, frame(ipPacket(1, 2)));
  // What waits is seen by the next poll.
  harness.run();
  harness.settle();
  assert.deepEqual(harness.arrived, [ipPacket(1, 2)]);
});

Deno.test("PacketEngine hears the control side while it is flooded", () => {
  const harness = new EngineHarness();
  const garbage = { bytes: new Uint8Array(1400).fill(9), source: peerEndpoint };
  harness.calls.onPoll = () => new Map([[FAKE_UDP_FD, POLLIN]]);
  harness.wakes = -10;
  // More would come for ever.
  Object.defineProperty(harness.calls.receives, "shift", { value: () => garbage });
  assert.equal(harness.engine.run(), "stopped");
});

Deno.test("PacketEngine takes packets to nobody, to a peer without an endpoint and without a socket", () => {
  const harness = new EngineHarness();
  const other = PrivateKey.generate(harness.random).publicKey;
  harness.device.setPeer(harness.now, {
    publicKey: other,
    allowedIps: [Cidr.parse("10.200.0.3/32") ?? assert.fail()],
  });
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 13_400,
    gsoSize: 1340,
  });
  for (const to of [3, 4]) {
    const copy = packet.slice();
    copy[19] = to;
    harness.calls.frames.push(frame(copy, header));
  }
  harness.run();
  assert.equal(harness.device.counters.get("no-endpoint"), 10);
  assert.equal(harness.device.counters.get("no-peer-for-destination"), 10);
  harness.engine.useSocket(undefined);
  harness.calls.frames.push(frame(packet, header));
  harness.run();
  assert.deepEqual(harness.calls.sends, []);
});

Deno.test("PacketEngine with a cipher that joins no UDP hands a TUN without USO single packets of it", () => {
  const harness = new EngineHarness({ cipher: new WasmBatchCipher(HARNESS_PAGES, { joinsUdp: false }) });
  harness.greet();
  const packets = Array.from({ length: 20 }, () => ipPacket(2, 1, 1000));
  for (const bytes of harness.sealed(packets)) harness.calls.receives.push({ bytes, source: peerEndpoint });
  harness.run();
  assert.equal(harness.calls.written.length, 20);
  for (const written of harness.calls.written) assert.equal(readVirtioHeader(written, 0).gsoType, GSO.NONE);
});
