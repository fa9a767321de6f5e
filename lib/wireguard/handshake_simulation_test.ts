/**
 * Tests of handshakes between simulated hosts.
 * @module
 */

import assert from "node:assert/strict";
import { presharedKey, Simulation } from "./testing/simulation.ts";

for (const family of [4, 6]) {
  Deno.test(`Device carries IPv${family} packets both ways, the first ones in their order`, () => {
    const simulation = new Simulation();
    const [a, b] = simulation.addPair();
    const sent = Array.from({ length: 5 }, () => simulation.send(a, b, { family }));
    simulation.advance(100);
    assert.deepEqual(b.received, sent);
    const back = Array.from({ length: 5 }, () => simulation.send(b, a, { family }));
    simulation.advance(100);
    assert.deepEqual(a.received, back);
    assert.equal(simulation.sentBy(a, 1).length + simulation.sentBy(b, 1).length, 1);
    assert.equal(a.count("handshake-completed"), 1);
    assert.equal(b.count("handshake-completed"), 1);
  });
}

Deno.test("Device carries packets of every length up to the MTU", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const lengths = Array.from({ length: 100 }, (_, i) => 20 + i).concat(1403, 1404, 1405, 1419, 1420);
  for (const lengthBytes of lengths) simulation.send(a, b, { lengthBytes });
  simulation.advance(100);
  assert.deepEqual(b.packets.map((packet) => packet.length), lengths);
  for (const { datagram } of simulation.sentBy(a, 4)) assert.ok(datagram.length <= 1420 + 32);
  simulation.send(a, b, { lengthBytes: 1421 });
  assert.equal(a.dropped("packet-too-long"), 1);
});

Deno.test("Device confirms a session at once when its initiator has nothing to send", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(100);
  assert.deepEqual(simulation.sent.map(({ type, datagram }) => [type, datagram.length]), [[1, 148], [2, 92], [
    4,
    32,
  ]]);
  assert.deepEqual(a.events.map(({ event }) => event), [
    { kind: "handshake-begun", peer: b.device.publicKey },
    { kind: "handshake-completed", peer: b.device.publicKey, role: "initiator" },
  ]);
  assert.deepEqual(b.events.map(({ event }) => event), [
    { kind: "handshake-answered", peer: a.device.publicKey },
    { kind: "handshake-completed", peer: a.device.publicKey, role: "responder" },
  ]);
});

Deno.test("Device completes a simultaneous handshake without a pause", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const [toB, toA] = [simulation.send(a, b), simulation.send(b, a)];
  simulation.advance(100);
  assert.deepEqual([a.received, b.received], [[toA], [toB]]);
  for (let i = 0; i < 20; i++) {
    const [again, back] = [simulation.send(a, b), simulation.send(b, a)];
    simulation.advance(1000);
    assert.equal(b.received.at(-1), again);
    assert.equal(a.received.at(-1), back);
  }
  assert.equal(simulation.sent.filter(({ type }) => type === 1).length, 2);
});

Deno.test("Device completes simultaneous handshakes when any one of the first datagrams is lost", () => {
  for (let lost = 0; lost < 6; lost++) {
    const simulation = new Simulation(lost);
    const [a, b] = simulation.addPair();
    simulation.network.passes = () => simulation.sent.length !== lost + 1;
    simulation.send(a, b);
    simulation.send(b, a);
    simulation.advance(6000);
    const [toB, toA] = [simulation.send(a, b), simulation.send(b, a)];
    simulation.advance(100);
    assert.equal(a.received.at(-1), toA, `datagram ${lost} lost`);
    assert.equal(b.received.at(-1), toB, `datagram ${lost} lost`);
  }
});

Deno.test("Device uses no session as responder that its initiator has not used", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.network.passes = ({ from, type }) => !(from === a && type === 4);
  simulation.initiate(a, b);
  simulation.advance(100);
  assert.equal(b.device.peerStatus(a.device.publicKey)?.hasSession, false);
  simulation.network.passes = () => true;
  const id = simulation.send(b, a);
  assert.equal(simulation.sentBy(b, 4).length, 0);
  simulation.advance(100);
  assert.deepEqual(a.received, [id]);
  assert.equal(simulation.sentBy(b, 1).length, 1);
});

Deno.test("Device completes a handshake with equal preshared keys and none with unequal ones", () => {
  for (const isEqual of [true, false]) {
    const simulation = new Simulation();
    const [a, b] = [simulation.addHost(), simulation.addHost()];
    simulation.addPeer(a, b, { presharedKey: presharedKey(1) });
    simulation.addPeer(b, a, { presharedKey: presharedKey(isEqual ? 1 : 2) });
    const id = simulation.send(a, b);
    simulation.advance(1000);
    assert.deepEqual(b.received, isEqual ? [id] : []);
    assert.equal(a.dropped("wrong-handshake"), isEqual ? 0 : 1);
    simulation.addPeer(b, a, { presharedKey: presharedKey(1) });
    simulation.advance(5000);
    assert.deepEqual(b.received, [id], "the retry finds the keys corrected");
  }
});

Deno.test("Device answers nobody whom it does not know", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  simulation.addPeer(a, b);
  simulation.send(a, b);
  simulation.advance(1000);
  assert.equal(b.dropped("unknown-peer"), 1);
  assert.equal(simulation.sentBy(b).length, 0);
});

Deno.test("Device.setPeer() refuses the device's own key", () => {
  const simulation = new Simulation();
  const [a] = simulation.addPair();
  assert.equal(a.device.setPeer(simulation.now, { publicKey: a.device.publicKey, allowedIps: [] }), false);
  assert.equal(a.device.peerStatuses().length, 1);
});

Deno.test("Device drops a packet whose peer has no endpoint, and says so", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  simulation.addPeer(a, b, {}, false);
  simulation.addPeer(b, a);
  simulation.send(a, b);
  assert.equal(a.dropped("no-endpoint"), 1);
  simulation.send(b, a);
  simulation.advance(100);
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.deepEqual(b.received, [id], "the endpoint was learnt from the peer's initiation");
});

Deno.test("Device keeps the newest 128 packets for a handshake", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const sent = Array.from({ length: 130 }, () => simulation.send(a, b));
  simulation.advance(100);
  assert.deepEqual(b.received, sent.slice(2));
  assert.equal(a.dropped("handshake-queue-full"), 2);
});
