/**
 * Tests of datagrams of the path protocol among all others.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { EngineHarness, ipPacket, peerEndpoint } from "./testing/engine_harness.ts";

const source = Endpoint.parse("198.18.0.1:7") ?? assert.fail();
const ID = "0123456789abcdef";

function probe(id: string, lengthBytes = 48, mark = 0): Uint8Array {
  const datagram = new Uint8Array(lengthBytes);
  datagram.set([0x77, 1, 0, 0]);
  datagram.set(Uint8Array.fromHex(id), 4);
  datagram[12] = mark;
  return datagram;
}

Deno.test("PacketEngine hands on what is waited for, out of batches too, and counts the rest", () => {
  const harness = new EngineHarness({ seed: 21 });
  harness.greet();
  harness.probes.change({ add: [ID] });
  const packets = [ipPacket(2, 1, 200), ipPacket(2, 1, 201)];
  const [first, last] = harness.sealed(packets);
  const batch = new Uint8Array(3 * 100 - 7);
  for (let i = 0; i < 3; i++) batch.set(probe(ID, 100, i).subarray(0, i < 2 ? 100 : 93), i * 100);
  harness.calls.receives.push(
    { bytes: first ?? assert.fail(), source: peerEndpoint },
    { bytes: batch, source, segmentBytes: 100 },
    { bytes: probe("0123456789abcdee"), source },
    { bytes: probe(ID, 47), source },
    { bytes: probe(ID, 1501), source },
    { bytes: probe(ID, 1500, 9), source: peerEndpoint },
    { bytes: last ?? assert.fail(), source: peerEndpoint },
  );
  harness.run();
  assert.deepEqual(
    harness.asked.map((each) => [each.datagram[12], each.datagram.length, each.source]),
    [[0, 100, `${source}`], [1, 100, `${source}`], [2, 93, `${source}`], [9, 1500, `${peerEndpoint}`]],
  );
  assert.equal(harness.probes.counters.get("foreign-probe"), 1);
  assert.equal(harness.device.counters.get("malformed-datagram"), 2);
  assert.equal(harness.calls.written.length, 2, "packets pass as ever");
});

Deno.test("PacketEngine.sendProbe() sends by the socket of all others, uncut, which holds for that one alone", () => {
  for (const text of ["192.0.2.2:51820", "[2001:db8::1]:7"]) {
    const harness = new EngineHarness({ seed: 22 });
    harness.greet();
    harness.calls.frames.push();
    const destination = Endpoint.parse(text) ?? assert.fail();
    harness.engine.sendProbe(probe(ID, 1500), destination);
    harness.device.initiateHandshake(millis(harness.now + 10_000), harness.peer.publicKey);
    harness.run();
    assert.deepEqual(
      harness.calls.sends.map((send) => [send.isProbe, send.destination, send.datagrams[0]?.length]),
      [[true, text, 1500], [false, `${peerEndpoint}`, 148]],
    );
  }
});

Deno.test("PacketEngine works no more on a flood of probes than on one of garbage: none is copied, asked whose it is, or kept", () => {
  const harness = new EngineHarness({ seed: 23 });
  harness.greet();
  harness.probes.change({ add: [ID] });
  const flood = (bytes: Uint8Array) => {
    for (let i = 0; i < 4_000; i++) harness.calls.receives.push({ bytes, source });
    const start = performance.now();
    harness.run();
    return performance.now() - start;
  };
  const garbage = probe(ID, 148);
  garbage[0] = 9;
  const foreign = probe("fedcba9876543210", 148);
  // The first of each makes the code fast.
  for (const bytes of [garbage, foreign]) flood(bytes);
  const least = (bytes: Uint8Array) => Math.min(...[1, 2, 3].map(() => flood(bytes)));
  const [garbageMs, foreignMs] = [least(garbage), least(foreign)];
  assert.ok(foreignMs < 5 * garbageMs + 50, `${foreignMs} ms, garbage ${garbageMs} ms`);
  assert.equal(harness.probes.counters.get("foreign-probe"), 4 * 4_000);
  assert.equal(harness.asked.length, 0);
  flood(probe(ID));
  assert.equal(harness.asked.length, 100, "and of those that are waited for, few");
  assert.equal(harness.probes.counters.get("probe-flood"), 3_900);
});

/** @param type 0x0101 of a success @param id the last byte of the transaction's id */
function stun(type: number, id: number): Uint8Array {
  const datagram = new Uint8Array(32);
  datagram.set([type >> 8, type & 255, 0, 12, 0x21, 0x12, 0xa4, 0x42]);
  datagram[19] = id;
  return datagram;
}

Deno.test("PacketEngine hands on the answer of the STUN server that was asked, once, and loses no handshake to it", () => {
  const harness = new EngineHarness({ seed: 24 });
  harness.greet();
  harness.engine.sendProbe(stun(0x0001, 1), source);
  const [packet] = harness.sealed([ipPacket(2, 1, 200)]);
  const batch = Uint8Array.of(...stun(0x0101, 1), ...stun(0x0101, 1), ...stun(0x0101, 2));
  const initiation = stun(0x0101, 1);
  initiation.set([1, 0, 0, 0]);
  harness.calls.receives.push(
    { bytes: stun(0x0101, 1), source: peerEndpoint },
    { bytes: batch, source, segmentBytes: 32 },
    { bytes: packet ?? assert.fail(), source: peerEndpoint },
    { bytes: initiation, source },
  );
  harness.run();
  assert.deepEqual(harness.asked.map((each) => [each.datagram, each.source]), [[
    stun(0x0101, 1),
    `${source}`,
  ]]);
  assert.equal(harness.probes.counters.get("foreign-stun"), 3);
  assert.equal(harness.calls.written.length, 1, "packets pass as ever");
  assert.equal(
    harness.device.counters.get("malformed-datagram"),
    1,
    "what begins as WireGuard is WireGuard's",
  );
});
