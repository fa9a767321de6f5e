/**
 * Tests of the intervals of the protocol between simulated hosts (WireGuard paper §6).
 * @module
 */

import assert from "node:assert/strict";
import { type Host, Simulation } from "./testing/simulation.ts";

/** A pair with a session that `a` began, confirmed at 20 ms; nothing is under way. */
function establishedPair(simulation: Simulation): [Host, Host] {
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  simulation.sent.length = 0;
  return [a, b];
}

Deno.test("Device begins a new handshake when its initiator sends after 120 s, and not before", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.advance(119_000);
  simulation.send(a, b);
  assert.equal(simulation.sentBy(a, 1).length, 0);
  simulation.advance(1000);
  assert.equal(simulation.sentBy(a, 1).length, 0, "time alone renews nothing");
  const id = simulation.send(a, b);
  assert.equal(simulation.sentBy(a, 1).length, 1);
  simulation.advance(100);
  assert.equal(b.received.at(-1), id);
  assert.equal(a.count("handshake-completed"), 2);
});

Deno.test("Device as responder never renews a session by age", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  for (let second = 1; second < 164; second++) {
    const id = simulation.send(b, a);
    simulation.advance(1000);
    assert.equal(a.received.at(-1), id);
  }
  assert.equal(simulation.sentBy(b, 1).length, 0);
});

Deno.test("Device as initiator renews a session that ends in 15 s as soon as it receives on it", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.advance(163_900);
  simulation.send(b, a);
  simulation.advance(50);
  assert.equal(simulation.sentBy(a).length, 0);
  simulation.advance(1000);
  simulation.send(b, a);
  simulation.send(b, a);
  simulation.advance(50);
  assert.equal(simulation.sentBy(a, 1).length, 1);
  assert.equal(a.count("handshake-completed"), 2);
});

Deno.test("Device as initiator renews a session that it only receives on by its keepalives", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  for (let second = 1; second < 600; second++) {
    const id = simulation.send(b, a);
    simulation.advance(1000);
    assert.equal(a.received.at(-1), id, `at ${second} s`);
  }
  assert.equal(simulation.sentBy(b, 1).length, 0);
  const initiations = simulation.sentBy(a, 1).map(({ atMs }) => atMs);
  assert.equal(initiations.length, 4);
  // The first passive keepalive after 120 s finds that the session is old.
  for (const [i, atMs] of initiations.entries()) {
    const age = atMs - (i === 0 ? 10 : initiations[i - 1] ?? 0);
    assert.ok(age >= 120_000 && age <= 132_000, `${age}`);
  }
});

Deno.test("Device uses no session that is 180 s old", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.advance(178_900);
  simulation.network.passes = ({ type }) => type === 4;
  const last = simulation.send(b, a);
  simulation.advance(50);
  assert.equal(a.received.at(-1), last);
  simulation.network.minDelayMs = simulation.network.maxDelayMs = 200;
  simulation.send(b, a);
  simulation.advance(1000);
  assert.equal(a.dropped("expired-session"), 1, "it arrived too late");
  assert.equal(a.received.at(-1), last);
  const sentBefore = simulation.sentBy(b, 4).length;
  simulation.send(b, a);
  assert.equal(simulation.sentBy(b, 4).length, sentBefore);
  assert.equal(simulation.sentBy(b, 1).length, 1);
});

Deno.test("Device repeats an initiation every 5 s and a little, gives up after 90 s, and begins anew", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.network.lossRate = 1;
  simulation.send(a, b);
  simulation.send(a, b);
  simulation.advance(89_000);
  assert.equal(a.count("handshake-failed"), 0);
  simulation.advance(31_000);
  const times = simulation.sentBy(a).map(({ atMs }) => atMs);
  assert.ok(times.length >= 17 && times.length <= 20, `${times.length}`);
  for (let i = 1; i < times.length; i++) {
    const pause = (times[i] ?? 0) - (times[i - 1] ?? 0);
    assert.ok(pause >= 5000 && pause <= 5333, `${pause}`);
  }
  assert.ok(new Set(times.map((time, i) => time - (times[i - 1] ?? 0))).size > 10, "the jitter varies");
  assert.equal(a.count("handshake-failed"), 1);
  assert.equal(a.count("handshake-retry"), times.length - 1);
  assert.equal(a.dropped("handshake-failed"), 2);
  simulation.network.lossRate = 0;
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.deepEqual(b.received, [id]);
});

Deno.test("Device sends one keepalive 10 s after it received and had nothing to send", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.send(a, b);
  simulation.advance(9_900);
  assert.equal(simulation.sentBy(b).length, 0);
  simulation.advance(60_000);
  const keepalives = simulation.sentBy(b);
  assert.deepEqual(keepalives.map(({ atMs, datagram }) => [atMs, datagram.length]), [[11_010, 32]]);
  assert.equal(simulation.sentBy(a).length, 1, "a keepalive is not answered");
});

Deno.test("Device sends no keepalive when it answered, also after a burst", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  for (let i = 0; i < 3; i++) simulation.send(a, b);
  simulation.advance(5000);
  simulation.send(b, a);
  simulation.advance(8000);
  assert.equal(simulation.sentBy(b).length, 1);
  simulation.sent.length = 0;
  simulation.advance(20_000);
  simulation.send(a, b);
  simulation.advance(60_000);
  assert.equal(simulation.sentBy(b).length, 1, "what was answered long ago asks for no second keepalive");
});

Deno.test("Device begins a new handshake 15 s after it sent and heard nothing", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.network.lossRate = 1;
  simulation.send(a, b);
  simulation.advance(14_900);
  simulation.send(a, b);
  assert.equal(simulation.sentBy(a, 1).length, 0);
  simulation.advance(500);
  assert.equal(simulation.sentBy(a, 1).length, 1);
  simulation.network.lossRate = 0;
  simulation.advance(6000);
  assert.equal(a.count("handshake-completed"), 2);
});

Deno.test("Device forgets its keys 540 s after the last session began", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.advance(538_900);
  assert.equal(a.count("session-expired") + b.count("session-expired"), 0);
  assert.equal(a.device.peerStatus(b.device.publicKey)?.hasSession, true);
  simulation.advance(200);
  for (const host of [a, b]) {
    assert.equal(host.count("session-expired"), 1);
    assert.equal(host.device.sessionsInUse, 0);
    assert.equal(host.device.pollTimeout(), undefined);
  }
  assert.equal(a.device.peerStatus(b.device.publicKey)?.hasSession, false);
  const id = simulation.send(b, a);
  simulation.advance(100);
  assert.deepEqual(a.received, [id]);
});

Deno.test("Device does not lose what waits for a handshake when it forgets its old keys", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.advance(537_000);
  simulation.network.lossRate = 1;
  const id = simulation.send(a, b);
  simulation.advance(3000);
  assert.equal(a.count("session-expired"), 1);
  simulation.network.lossRate = 0;
  simulation.advance(6000);
  assert.deepEqual(b.received, [id]);
});
