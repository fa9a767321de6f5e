/**
 * Tests of peers whose paths are set, and of those that are wanted, between simulated hosts.
 * @module
 */

import assert from "node:assert/strict";
import { type Host, parseEndpoint, Simulation } from "./testing/simulation.ts";

const ELSEWHERE = parseEndpoint("203.0.113.9:4500");
const RELAY = parseEndpoint("198.51.100.1:4500");

function setPath(simulation: Simulation, from: Host, to: Host, endpoint = to.endpoint): void {
  assert.ok(from.device.setPath(simulation.now, to.device.publicKey, endpoint));
  simulation.advance(0);
}

Deno.test("Device.setPath() sends there, wherever packets come from and whatever else is named, until it is released", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  const status = () => b.device.peerStatus(a.device.publicKey) ?? assert.fail();
  setPath(simulation, b, a);
  const home = a.endpoint;
  a.endpoint = ELSEWHERE;
  simulation.send(a, b);
  simulation.advance(100);
  b.device.setEndpoint(a.device.publicKey, RELAY);
  b.device.updatePeer(simulation.now, { publicKey: a.device.publicKey, endpoint: RELAY });
  assert.equal(b.count("endpoint-changed"), 0);
  assert.deepEqual([`${status().endpoint}`, `${status().source}`], [`${home}`, `${ELSEWHERE}`]);
  simulation.send(b, a);
  assert.equal(`${simulation.sentBy(b).at(-1)?.destination}`, `${home}`);
  b.device.setPath(simulation.now, a.device.publicKey, undefined);
  assert.equal(`${status().endpoint}`, `${home}`, "until something comes");
  simulation.send(a, b);
  simulation.advance(100);
  assert.equal(`${status().endpoint}`, `${ELSEWHERE}`);
  assert.equal(b.count("endpoint-changed"), 1);
});

Deno.test("Device.setPath() calls at each new endpoint at once, at most four times a second, and no more than that", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.network.passes = () => false;
  simulation.send(a, b);
  for (let i = 0; i < 40; i++) {
    setPath(simulation, a, b, parseEndpoint(`198.51.100.${i + 1}:51820`));
    simulation.advance(50);
  }
  const calls = simulation.sentBy(a, 1);
  assert.equal(calls.length, 9, "one and eight in two seconds");
  simulation.advance(1000);
  assert.equal(`${simulation.sentBy(a, 1).at(-1)?.destination.address}`, "198.51.100.40");
  const before = simulation.sentBy(a, 1).length;
  setPath(simulation, a, b, parseEndpoint("198.51.100.40:51820"));
  simulation.advance(1000);
  assert.equal(simulation.sentBy(a, 1).length, before, "the same again is no news");
  simulation.advance(100_000);
  assert.ok(a.count("handshake-failed") === 1, "the attempts end when they would have ended");
});

Deno.test("Device.setPath() shakes hands at the second endpoint when the first is dead, within a second", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  setPath(simulation, a, b, RELAY);
  const id = simulation.send(a, b);
  simulation.advance(300);
  setPath(simulation, a, b);
  simulation.advance(500);
  assert.deepEqual(b.received, [id]);
});

Deno.test("Device answers an initiation the way it came, also where the path is set to a dead one", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  setPath(simulation, b, a, RELAY);
  const id = simulation.send(a, b);
  simulation.advance(500);
  assert.deepEqual(b.received, [id]);
  assert.equal(`${b.device.peerStatus(a.device.publicKey)?.endpoint}`, `${RELAY}`);
});

Deno.test("Device says that a session is wanted, once in 5 s, also without an endpoint, and calls when there is one", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost()];
  simulation.addPeer(a, b, {}, false);
  simulation.addPeer(b, a);
  for (let i = 0; i < 30; i++) {
    simulation.send(a, b);
    simulation.advance(200);
  }
  assert.equal(a.count("session-wanted"), 2);
  assert.equal(a.dropped("no-endpoint"), 30);
  setPath(simulation, a, b);
  simulation.advance(100);
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.deepEqual(b.received, [id]);
  assert.equal(a.count("handshake-completed"), 1);
  simulation.send(b, a);
  assert.equal(b.count("session-wanted"), 0);
});

Deno.test("Device.setPath() calls nobody that nobody wants", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  setPath(simulation, a, b, RELAY);
  simulation.advance(10_000);
  assert.equal(simulation.sentBy(a).length, 0);
});
