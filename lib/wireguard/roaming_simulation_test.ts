/**
 * Tests of peers that move, come and go, and of who may send what, between simulated hosts.
 * @module
 */

import assert from "node:assert/strict";
import { Cidr } from "../net/mod.ts";
import { type Host, innerPacket, parseCidr, parseEndpoint, Simulation } from "./testing/simulation.ts";

const ELSEWHERE = parseEndpoint("203.0.113.9:4500");

function establishedPair(simulation: Simulation): [Host, Host] {
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  simulation.sent.length = 0;
  return [a, b];
}

for (const text of ["203.0.113.9:4500", "192.0.2.1:4500", "[2001:db8::9]:51820"]) {
  Deno.test(`Device follows a peer that moves to ${text}`, () => {
    const simulation = new Simulation();
    const [a, b] = establishedPair(simulation);
    a.endpoint = parseEndpoint(text);
    simulation.send(a, b);
    simulation.advance(100);
    const id = simulation.send(b, a);
    simulation.advance(100);
    assert.deepEqual(a.received, [id]);
    assert.equal(b.device.peerStatus(a.device.publicKey)?.endpoint?.toString(), text);
    const moves = b.events.filter(({ event }) => event.kind === "endpoint-changed");
    assert.equal(moves.length, 1);
  });
}

Deno.test("Device does not follow what is not authentic", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.network.passes = () => false;
  simulation.send(a, b);
  const captured = simulation.sentBy(a, 4)[0]?.datagram ?? new Uint8Array(0);
  const forged = captured.slice();
  forged[20] = (forged[20] ?? 0) ^ 1;
  assert.equal(simulation.inject(b, forged, ELSEWHERE), "wrong-tag");
  assert.equal(simulation.inject(b, captured, a.endpoint), "packet");
  assert.equal(simulation.inject(b, captured, ELSEWHERE), "replayed-datagram");
  assert.equal(b.device.peerStatus(a.device.publicKey)?.endpoint?.toString(), a.endpoint.toString());
  assert.equal(b.count("endpoint-changed"), 0);
});

Deno.test("Device no longer insists on the way it was called by when nobody answers, and takes it again", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.send(b, a);
  assert.equal(simulation.sentBy(b).at(-1)?.destination, a.endpoint, "it knows more than the address");
  simulation.network.passes = () => false;
  const moves = b.count("endpoint-changed");
  simulation.send(b, a);
  simulation.advance(30_000);
  const initiations = simulation.sentBy(b, 1);
  assert.ok(initiations.length >= 3);
  for (const { destination } of initiations) {
    assert.notEqual(destination, a.endpoint);
    assert.deepEqual(destination.toString(), a.endpoint.toString());
  }
  simulation.network.passes = () => true;
  simulation.send(a, b);
  simulation.advance(100);
  simulation.send(b, a);
  assert.equal(simulation.sentBy(b).at(-1)?.destination, a.endpoint);
  assert.equal(b.count("endpoint-changed"), moves);
});

Deno.test("Device.setEndpoint() sends elsewhere from then on", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  b.endpoint = ELSEWHERE;
  assert.ok(a.device.setEndpoint(b.device.publicKey, ELSEWHERE));
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.deepEqual(b.received, [id]);
  assert.equal(a.device.setEndpoint(a.device.publicKey, ELSEWHERE), false);
});

Deno.test("Device drops a packet from an address that its peer may not use", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  const c = simulation.addHost();
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  simulation.addPeer(b, c);
  for (const source of [c.address4, b.address4, c.address6, b.address6]) {
    const destination = source.family === 4 ? b.address4 : b.address6;
    a.device.handlePacket(simulation.now, innerPacket(source, destination, 1));
  }
  simulation.advance(100);
  assert.equal(b.dropped("source-not-allowed"), 4);
  assert.deepEqual(b.received, []);
});

Deno.test("Device.handlePacket() tells why a packet goes nowhere", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const { now } = simulation;
  const stranger = parseCidr("10.9.9.9/32").address;
  const good = innerPacket(a.address4, b.address4, 1);
  assert.equal(a.device.handlePacket(now, innerPacket(a.address4, stranger, 1)), "no-peer-for-destination");
  assert.equal(a.device.handlePacket(now, good.subarray(0, 83)), "malformed-packet");
  assert.equal(a.device.handlePacket(now, new Uint8Array(0)), "malformed-packet");
  assert.equal(a.device.handlePacket(now, new Uint8Array(84)), "malformed-packet");
  assert.equal(a.device.handlePacket(now, innerPacket(a.address4, b.address4, 1, 1421)), "packet-too-long");
  assert.equal(a.device.handlePacket(now, good), undefined);
});

Deno.test("Device.setPeer() moves an allowed address from one peer to another", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const c = simulation.addHost();
  simulation.addPeer(c, a);
  const shared = parseCidr("10.77.0.0/16");
  simulation.addPeer(a, b, { allowedIps: [shared, Cidr.host(b.address4)] });
  simulation.addPeer(a, c, { allowedIps: [shared] });
  assert.deepEqual(a.device.peerStatus(b.device.publicKey)?.allowedIps.map(String), ["10.200.0.2/32"]);
  a.device.handlePacket(simulation.now, innerPacket(a.address4, parseCidr("10.77.1.1/32").address, 5));
  simulation.advance(100);
  assert.deepEqual([b.received, c.received], [[], [5]]);
  // The one that lost the address does not take it away when it is changed or removed.
  simulation.addPeer(a, b);
  a.device.removePeer(b.device.publicKey);
  a.device.handlePacket(simulation.now, innerPacket(a.address4, parseCidr("10.77.1.1/32").address, 6));
  simulation.advance(100);
  assert.deepEqual(c.received, [5, 6]);
});

Deno.test("Device.setPeer() cuts a peer off from an address in the middle of a session", () => {
  const simulation = new Simulation();
  const [a, b] = establishedPair(simulation);
  simulation.addPeer(b, a, { allowedIps: [Cidr.host(a.address6)] });
  simulation.send(a, b);
  const id = simulation.send(a, b, { family: 6 });
  simulation.advance(100);
  assert.deepEqual(b.received, [id]);
  assert.equal(b.dropped("source-not-allowed"), 1);
});

Deno.test("Device.removePeer() forgets a session and a handshake that is under way", () => {
  for (const isEstablished of [true, false]) {
    const simulation = new Simulation();
    const [a, b] = isEstablished ? establishedPair(simulation) : simulation.addPair();
    simulation.send(a, b);
    assert.ok(a.device.sessionsInUse > 0);
    assert.ok(a.device.removePeer(b.device.publicKey));
    assert.equal(a.device.removePeer(b.device.publicKey), false);
    assert.equal(a.device.sessionsInUse, 0);
    assert.equal(a.device.peerStatus(b.device.publicKey), undefined);
    simulation.advance(600_000);
    assert.equal(a.device.pollTimeout(), undefined);
    simulation.send(a, b);
    assert.equal(a.dropped("no-peer-for-destination"), 1);
    assert.equal(a.count("handshake-failed"), 0);
    simulation.addPeer(a, b);
    const id = simulation.send(a, b);
    simulation.advance(100);
    assert.equal(b.received.at(-1), id);
  }
});

Deno.test("Device with three hosts keeps their sessions apart", () => {
  const simulation = new Simulation();
  const hosts = [simulation.addHost(), simulation.addHost(), simulation.addHost()];
  for (const a of hosts) for (const b of hosts) if (a !== b) simulation.addPeer(a, b);
  for (const a of hosts) for (const b of hosts) if (a !== b) simulation.send(a, b);
  simulation.advance(200);
  for (const host of hosts) {
    assert.equal(host.received.length, 2);
    assert.equal(host.device.peerStatuses().filter(({ hasSession }) => hasSession).length, 2);
  }
});
