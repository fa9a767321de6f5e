/**
 * Tests of handshakes that wait.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { nobleAead, PresharedKey, PrivateKey } from "../../crypto/mod.ts";
import { POLLIN } from "../../host/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { CookieChecker, CookieGenerator } from "../../wireguard/cookies.ts";
import { createInitiation } from "../../wireguard/handshake.ts";
import { readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { EngineHarness, ipPacket, peerEndpoint } from "./testing/engine_harness.ts";
import { FAKE_UDP_FD } from "./testing/fake_calls.ts";

const source = Endpoint.parse("198.18.0.1:7") ?? assert.fail();

Deno.test("PacketEngine takes a cookie, and nothing else that is neither a handshake nor a packet", () => {
  const harness = new EngineHarness({ seed: 13 });
  harness.device.initiateHandshake(harness.now, harness.peer.publicKey);
  harness.run();
  const initiation = harness.calls.sends[0]?.datagrams[0] ?? assert.fail();
  const checker = new CookieChecker(harness.peer.publicKey, {
    random: harness.random,
    aead: nobleAead,
    refreshTimeMs: 120_000,
  });
  const sender = new DataView(initiation.buffer, initiation.byteOffset).getUint32(4, true);
  const reply = checker.reply(harness.now, initiation, { sender, source: peerEndpoint });
  for (
    const bytes of [reply.subarray(0, 63), new Uint8Array([...reply, 0]), new Uint8Array(64), reply, reply]
  ) {
    harness.calls.receives.push({ bytes, source: peerEndpoint });
  }
  harness.run();
  assert.equal(harness.device.peerStatus(harness.peer.publicKey)?.rxBytes, reply.length);
  assert.equal(harness.device.counters.get("malformed-datagram"), 3);
  assert.equal(harness.device.counters.get("wrong-cookie"), 1, "the same again answers nothing");
});

Deno.test("PacketEngine that loses its socket begins no session with whoever waits", () => {
  const harness = new EngineHarness({ seed: 12 });
  harness.peer.initiateHandshake(harness.now, harness.device.publicKey);
  const bytes = harness.peer.pollTransmit()?.datagram.slice() ?? assert.fail();
  const garbage = new Uint8Array(148);
  garbage[0] = 1;
  for (let i = 0; i < 20; i++) harness.calls.receives.push({ bytes: garbage, source });
  harness.calls.receives.push({ bytes, source: peerEndpoint });
  let time: number = harness.now;
  Object.defineProperty(harness, "now", { get: () => millis(time += 1) });
  harness.calls.onPoll = () => new Map([[FAKE_UDP_FD, POLLIN]]);
  // Two turns, and it hears that it is to stop.
  harness.wakes = -2;
  assert.equal(harness.engine.run(), "stopped");
  assert.ok(harness.device.counters.get("wrong-mac1") < 20, "some wait");
  harness.device.suspend();
  harness.engine.useSocket(undefined);
  harness.run();
  assert.equal(harness.device.sessionsInUse, 0);
});

Deno.test("PacketEngine carries packets past more handshakes than it can work on, and counts those it leaves", () => {
  const harness = new EngineHarness({ seed: 11 });
  harness.greet();
  const publicKey = harness.device.publicKey;
  const stranger = {
    privateKey: PrivateKey.generate(harness.random),
    random: harness.random,
    aead: nobleAead,
  };
  const { message } = createInitiation(stranger, {
    publicKey,
    presharedKey: PresharedKey.none(),
    localIndex: 1,
    timestamp: new Uint8Array(12),
  });
  new CookieGenerator(publicKey, 0).sign(millis(0), message);
  const packets = Array.from({ length: 40 }, (_, i) => ipPacket(2, 1, 200 + i));
  const flood = 10_000;
  for (let i = 0; i < flood; i++) harness.calls.receives.push({ bytes: message, source });
  for (const bytes of harness.sealed(packets)) harness.calls.receives.push({ bytes, source: peerEndpoint });
  const before = harness.device.counters.snapshot();
  // Every look at the clock takes longer than a turn may work on handshakes.
  let time: number = harness.now;
  Object.defineProperty(harness, "now", { get: () => millis(time += 1) });
  harness.run();
  const after = harness.device.counters.snapshot();
  const counted = (reason: keyof typeof after) => after[reason] - before[reason];
  assert.equal(counted("too-many-handshakes") + counted("under-load") + counted("unknown-peer"), flood);
  assert.ok(counted("too-many-handshakes") > flood / 2, "the rest found the backlog full");
  assert.ok(counted("unknown-peer") <= 200);
  const written = harness.calls.written.flatMap((each) =>
    splitSuperpacket(each.slice(VIRTIO_HEADER_BYTES), readVirtioHeader(each, 0)) ?? assert.fail()
  );
  assert.deepEqual(written.map((each) => each.length), packets.map((each) => each.length));
  assert.ok(harness.calls.sends.every(({ datagrams }) => datagrams.every((each) => each.length <= 148)));
});
