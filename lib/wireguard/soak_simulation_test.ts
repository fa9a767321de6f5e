/**
 * Tests over hours of virtual time, on networks that lose, repeat and reorder.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Simulation } from "./testing/simulation.ts";

const MINUTE_MS = 60_000;

Deno.test("Device keeps delivering in both directions for 30 minutes under loss", () => {
  const network = fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    lossRate: fc.constantFrom(0, 0.05, 0.2),
    duplicateRate: fc.constantFrom(0, 0.2),
    maxDelayMs: fc.constantFrom(10, 200, 900),
    pauseMs: fc.constantFrom(1100, 2500, 9000),
    isOneWay: fc.boolean(),
  });
  fc.assert(
    fc.property(network, ({ seed, lossRate, duplicateRate, maxDelayMs, pauseMs, isOneWay }) => {
      const simulation = new Simulation(seed);
      const [a, b] = simulation.addPair();
      Object.assign(simulation.network, { lossRate, duplicateRate, maxDelayMs });
      let sent = 0;
      let lastA = 0;
      let lastB = 0;
      let receivedA = 0;
      let receivedB = 0;
      for (; simulation.now < 30 * MINUTE_MS; sent++) {
        simulation.send(a, b);
        if (!isOneWay) simulation.send(b, a);
        simulation.advance(pauseMs);
        if (a.received.length > receivedA || isOneWay) lastA = simulation.now;
        if (b.received.length > receivedB) lastB = simulation.now;
        [receivedA, receivedB] = [a.received.length, b.received.length];
        // Twenty lost handshakes in a row, or ten lost packets, do not happen at these rates.
        const bound = 100_000 + 10 * pauseMs;
        assert.ok(simulation.now - lastA < bound, `a heard nothing from ${lastA} ms on`);
        assert.ok(simulation.now - lastB < bound, `b heard nothing from ${lastB} ms on`);
        assert.ok(a.device.sessionsInUse <= 4 && b.device.sessionsInUse <= 4);
      }
      simulation.advance(1000);
      for (const host of isOneWay ? [b] : [a, b]) {
        assert.equal(new Set(host.received).size, host.received.length, "nothing is delivered twice");
        const share = host.received.length / sent;
        // Of a session that is replaced while both sides renew it, what is still on its way is lost.
        assert.ok(share > (lossRate === 0 ? 0.95 : 1 - lossRate - 0.2), `${share} came in`);
      }
      if (lossRate === 0) assert.equal(a.count("handshake-retry") + b.count("handshake-retry"), 0);
    }),
    { numRuns: 6 },
  );
});

Deno.test("Device's memory is bounded through hours of renewals under loss", () => {
  const simulation = new Simulation(5);
  const hosts = [simulation.addHost(), simulation.addHost(), simulation.addHost()];
  for (const a of hosts) for (const b of hosts) if (a !== b) simulation.addPeer(a, b);
  Object.assign(simulation.network, { lossRate: 0.3, duplicateRate: 0.1, maxDelayMs: 400 });
  for (let i = 0; i < 2 * 60; i++) {
    for (const a of hosts) for (const b of hosts) if (a !== b && i % 7 !== 0) simulation.send(a, b);
    simulation.advance(MINUTE_MS);
    for (const { device } of hosts) assert.ok(device.sessionsInUse <= 2 * 4, `${device.sessionsInUse}`);
  }
  Object.assign(simulation.network, { lossRate: 0 });
  for (let i = 0; i < 3; i++) {
    for (const a of hosts) for (const b of hosts) if (a !== b) simulation.send(a, b);
    simulation.advance(2 * MINUTE_MS + 30_000);
  }
  for (const { device } of hosts) assert.ok(device.sessionsInUse <= 2 * 3, `${device.sessionsInUse}`);
  simulation.advance(15 * MINUTE_MS);
  for (const { device } of hosts) {
    assert.equal(device.sessionsInUse, 0);
    assert.equal(device.pollTimeout(), undefined);
  }
});

Deno.test("Device recovers from an outage of any length within seconds of its end", () => {
  for (const outageMs of [12_000, 100_000, 170_000, 185_000, 530_000, 550_000, 1_800_000]) {
    const simulation = new Simulation(outageMs);
    const [a, b] = simulation.addPair();
    const exchange = (ms: number, pauseMs = 1000) => {
      for (let elapsed = 0; elapsed < ms; elapsed += pauseMs) {
        simulation.send(a, b);
        simulation.send(b, a);
        simulation.advance(pauseMs);
      }
    };
    exchange(5000);
    simulation.network.lossRate = 1;
    exchange(outageMs, 4000);
    simulation.network.lossRate = 0;
    exchange(7000);
    const [receivedA, receivedB] = [a.received.length, b.received.length];
    exchange(5000);
    assert.deepEqual(
      [a.received.length, b.received.length],
      [receivedA + 5, receivedB + 5],
      `${outageMs} ms`,
    );
  }
});

Deno.test("Device.handleTimeout() is harmless early and often", () => {
  const simulation = new Simulation(9);
  const [a, b] = simulation.addPair();
  for (let i = 0; i < 3000; i++) {
    if (i % 40 === 0) simulation.send(a, b);
    const { length } = simulation.sent;
    const deadline = a.device.pollTimeout();
    for (let again = 0; again < 3; again++) a.device.handleTimeout(simulation.now);
    if (deadline === undefined || deadline > simulation.now) assert.equal(simulation.sent.length, length);
    simulation.advance(100);
  }
  assert.equal(b.received.length, 75);
});
