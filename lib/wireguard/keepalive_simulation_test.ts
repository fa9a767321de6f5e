/**
 * Tests of the keepalive that the user asks for, between simulated hosts.
 * @module
 */

import assert from "node:assert/strict";
import { Simulation } from "./testing/simulation.ts";

Deno.test("Device with a persistent keepalive begins a handshake at once and sends each interval", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  simulation.addPeer(b, a, {}, false);
  simulation.addPeer(a, b, { persistentKeepaliveSeconds: 25 });
  simulation.advance(100);
  assert.equal(a.count("handshake-completed"), 1);
  simulation.advance(110_000);
  const times = simulation.sentBy(a, 4).map(({ atMs }) => atMs);
  assert.deepEqual(times, [20, 25_020, 50_020, 75_020, 100_020]);
});

Deno.test("Device with a persistent keepalive keeps a session for hours, with renewals", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.addPeer(a, b, { persistentKeepaliveSeconds: 25 });
  for (let minute = 0; minute < 120; minute++) {
    simulation.advance(60_000);
    const status = b.device.peerStatus(a.device.publicKey);
    assert.ok(simulation.clock.wall() - (status?.lastHandshakeAt ?? 0) <= 180_000);
  }
  assert.equal(a.count("session-expired") + b.count("session-expired"), 0);
  assert.equal(simulation.sentBy(b, 1).length, 0);
});

Deno.test("Device with a persistent keepalive tries again for ever", () => {
  for (const persistentKeepaliveSeconds of [1, 5, 7, 25, 300]) {
    const simulation = new Simulation();
    const [a, b] = simulation.addPair();
    simulation.network.lossRate = 1;
    simulation.addPeer(a, b, { persistentKeepaliveSeconds });
    simulation.advance(1_200_000);
    simulation.network.lossRate = 0;
    simulation.advance(400_000);
    assert.ok(a.count("handshake-completed") > 0, `every ${persistentKeepaliveSeconds} s`);
  }
});

Deno.test("Device with a persistent keepalive begins when its peer gets an endpoint", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  simulation.addPeer(b, a, {}, false);
  simulation.addPeer(a, b, { persistentKeepaliveSeconds: 25 }, false);
  simulation.advance(60_000);
  assert.equal(simulation.sentBy(a).length, 0);
  a.device.setEndpoint(b.device.publicKey, b.endpoint);
  simulation.advance(26_000);
  assert.equal(a.count("handshake-completed"), 1);
});

Deno.test("Device ends a persistent keepalive that is set to none", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.addPeer(a, b, { persistentKeepaliveSeconds: 10 });
  simulation.advance(30_000);
  simulation.addPeer(a, b);
  const { length } = simulation.sentBy(a);
  simulation.advance(100_000);
  assert.equal(simulation.sentBy(a).length, length);
  assert.equal(a.device.peerStatus(b.device.publicKey)?.persistentKeepaliveSeconds, 0);
});

Deno.test("Device with a persistent keepalive gets its session back after its peer restarted", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.addPeer(a, b, { persistentKeepaliveSeconds: 25 });
  simulation.advance(10_000);
  b.device.removePeer(a.device.publicKey);
  simulation.addPeer(b, a, {}, false);
  simulation.advance(200_000);
  assert.equal(b.device.peerStatus(a.device.publicKey)?.hasSession, true);
});
