/**
 * Tests of a device's bounds, options and shared memory.
 * @module
 */

import assert from "node:assert/strict";
import { Cidr } from "../net/mod.ts";
import { innerPacket, Simulation } from "./testing/simulation.ts";

Deno.test("Device.handlePacket() drops when 512 datagrams wait to be sent, and goes on when they are", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(100);
  const packet = innerPacket(a.address4, b.address4, 1);
  for (let i = 0; i < 512; i++) assert.equal(a.device.handlePacket(simulation.now, packet), undefined);
  assert.equal(a.device.handlePacket(simulation.now, packet), "transmit-queue-full");
  assert.equal(a.dropped("transmit-queue-full"), 1);
  simulation.advance(100);
  assert.equal(b.received.length, 512);
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.equal(b.received.at(-1), id);
});

Deno.test("Device.handlePacket() relays a packet from the memory that it was received in", () => {
  const simulation = new Simulation();
  const [a, relay] = simulation.addPair();
  const c = simulation.addHost();
  simulation.addPeer(relay, c);
  simulation.addPeer(a, relay, { allowedIps: [Cidr.host(relay.address4), Cidr.host(c.address4)] });
  simulation.addPeer(c, relay, { allowedIps: [Cidr.host(relay.address4), Cidr.host(a.address4)] });
  simulation.initiate(a, relay);
  simulation.initiate(relay, c);
  simulation.advance(100);
  for (const lengthBytes of [1420, 100, 1301]) {
    const packet = innerPacket(a.address4, c.address4, 9, lengthBytes).fill(0x5a, 40);
    simulation.sent.length = 0;
    simulation.network.passes = () => false;
    a.device.handlePacket(simulation.now, packet);
    simulation.advance(0);
    const sealed = simulation.sentBy(a, 4)[0]?.datagram ?? new Uint8Array(0);
    simulation.network.passes = () => true;
    const outcome = relay.device.handleDatagram(simulation.now, sealed, a.endpoint);
    assert.ok(outcome.kind === "packet");
    assert.ok(outcome.peer.equals(a.device.publicKey));
    assert.equal(relay.device.handlePacket(simulation.now, outcome.packet), undefined);
    simulation.advance(100);
    assert.deepEqual(c.packets.at(-1), packet);
  }
});

Deno.test("Device sends packets as long as its own MTU, which peers need not share", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost({ mtuBytes: 9000 }), simulation.addHost({ mtuBytes: 1280 })];
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  simulation.send(a, b, { lengthBytes: 9000 });
  simulation.send(b, a, { lengthBytes: 1281 });
  simulation.send(b, a, { lengthBytes: 1280 });
  simulation.advance(100);
  assert.deepEqual(b.packets.map(({ length }) => length), [9000]);
  assert.deepEqual(a.packets.map(({ length }) => length), [1280]);
  assert.equal(b.dropped("packet-too-long"), 1);
});

Deno.test("Device keeps the intervals that it is given", () => {
  const simulation = new Simulation();
  const timers = { rekeyAfterTimeMs: 2000, rejectAfterTimeMs: 30_000 };
  const [a, b] = [simulation.addHost({ timers }), simulation.addHost()];
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  for (let i = 0; i < 20; i++) {
    simulation.send(a, b);
    simulation.advance(1000);
  }
  // A new session each time that 2 s have passed and the last initiation is 5 s old.
  assert.equal(simulation.sentBy(a, 1).length, 4);
  assert.equal(b.received.length, 20);
});

Deno.test("Device counts the bytes of authentic datagrams in both directions", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.send(a, b);
  simulation.advance(100);
  const statusA = a.device.peerStatus(b.device.publicKey);
  const statusB = b.device.peerStatus(a.device.publicKey);
  assert.deepEqual([statusA?.txBytes, statusA?.rxBytes], [148 + 128, 92]);
  assert.deepEqual([statusB?.txBytes, statusB?.rxBytes], [92, 148 + 128]);
  assert.equal(statusA?.lastHandshakeAt, 1_700_000_000_020);
});
