/**
 * Tests of datagrams that an attacker sends: forged, replayed, cut, changed, reflected, or too many.
 * @module
 */

import assert from "node:assert/strict";
import { nobleAead, PrivateKey } from "../crypto/mod.ts";
import { CookieGenerator } from "./cookies.ts";
import type { DeviceOptions } from "./device_context.ts";
import { createInitiation } from "./handshake.ts";
import { at, type Host, parseEndpoint, presharedKey, Simulation } from "./testing/simulation.ts";
import { Tai64nClock } from "./tai64n.ts";

const ATTACKER = parseEndpoint("203.0.113.66:6666");

function flipped(datagram: Uint8Array, byte: number, mask = 1): Uint8Array {
  const changed = datagram.slice();
  changed[byte] = (changed[byte] ?? 0) ^ mask;
  return changed;
}

/** What an observer can see of a host's state without its keys. */
function stateOf(host: Host): string {
  const statuses = host.device.peerStatuses().map((status) => [
    `${status.endpoint}`,
    status.rxBytes,
    status.txBytes,
    status.hasSession,
    status.lastHandshakeAt,
  ]);
  return JSON.stringify([statuses, host.device.sessionsInUse, host.events.length, host.received]);
}

/** The first datagram of `type` that `from` sends when `act` is done; it goes no further. */
function capture(simulation: Simulation, from: Host, type: number, act: () => void): Uint8Array {
  const { passes } = simulation.network;
  const before = simulation.sent.length;
  simulation.network.passes = (sent) => passes(sent) && !(sent.from === from && sent.type === type);
  act();
  simulation.network.passes = passes;
  const found = simulation.sent.slice(before).find((sent) => sent.from === from && sent.type === type);
  assert.ok(found !== undefined);
  return found.datagram;
}

Deno.test("Device drops an initiation with any byte changed, and takes the real one after that", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const initiation = capture(simulation, a, 1, () => simulation.initiate(a, b));
  const before = stateOf(b);
  for (let byte = 0; byte < initiation.length - 16; byte++) {
    const reason = simulation.inject(b, flipped(initiation, byte), ATTACKER);
    assert.equal(reason, byte < 4 ? "malformed-datagram" : "wrong-mac1", `byte ${byte}`);
  }
  assert.equal(stateOf(b), before);
  assert.equal(simulation.inject(b, initiation, a.endpoint), "handled");
});

Deno.test("Device drops an initiation whose MAC1 an attacker corrected", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const initiation = capture(simulation, a, 1, () => simulation.initiate(a, b));
  const before = stateOf(b);
  const signer = new CookieGenerator(b.device.publicKey, 120_000);
  for (let byte = 8; byte < 116; byte += 3) {
    const forged = flipped(initiation, byte);
    signer.sign(simulation.now, forged);
    assert.equal(simulation.inject(b, forged, ATTACKER), "wrong-handshake", `byte ${byte}`);
  }
  const lowOrder = initiation.slice();
  lowOrder.fill(0, 8, 40);
  signer.sign(simulation.now, lowOrder);
  assert.equal(simulation.inject(b, lowOrder, ATTACKER), "wrong-handshake");
  assert.equal(stateOf(b), before);
  assert.equal(simulation.sentBy(b).length, 0);
});

Deno.test("Device drops a replayed initiation", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const old = capture(simulation, a, 1, () => simulation.initiate(a, b));
  simulation.advance(6000);
  const [initiation] = simulation.sentBy(a, 1, 5000);
  assert.ok(initiation !== undefined && a.count("handshake-completed") === 1);
  const before = stateOf(b);
  assert.equal(simulation.inject(b, old, ATTACKER), "replayed-handshake", "older than the last one");
  assert.equal(simulation.inject(b, initiation.datagram, ATTACKER), "replayed-handshake");
  assert.equal(stateOf(b), before);
});

Deno.test("Device drops initiations of one peer that come closer than 50 ms", () => {
  const simulation = new Simulation();
  const b = simulation.addHost();
  const privateKey = PrivateKey.generate(simulation.random);
  b.device.setPeer(simulation.now, { publicKey: privateKey.publicKey, allowedIps: [] });
  const timestamps = new Tai64nClock(() => simulation.clock.wall());
  const signer = new CookieGenerator(b.device.publicKey, 120_000);
  const initiate = () => {
    const { message } = createInitiation({ privateKey, random: simulation.random, aead: nobleAead }, {
      publicKey: b.device.publicKey,
      presharedKey: presharedKey(0),
      localIndex: 1,
      timestamp: timestamps.next(),
    });
    signer.sign(at(0), message);
    return simulation.inject(b, message, ATTACKER);
  };
  assert.equal(initiate(), "handled");
  simulation.advance(49);
  assert.equal(initiate(), "handshake-flood");
  simulation.advance(1);
  assert.equal(initiate(), "handled");
});

Deno.test("Device drops a forged response and completes the handshake with the real one", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  const response = capture(simulation, b, 2, () => {
    simulation.initiate(a, b);
    simulation.advance(50);
  });
  const before = stateOf(a);
  const signer = new CookieGenerator(a.device.publicKey, 120_000);
  for (let byte = 0; byte < response.length - 16; byte++) {
    const reason = simulation.inject(a, flipped(response, byte), ATTACKER);
    assert.equal(reason, byte < 4 ? "malformed-datagram" : "wrong-mac1", `byte ${byte}`);
    const forged = flipped(response, byte);
    if (byte < 4 || byte >= 60) continue;
    signer.sign(simulation.now, forged);
    // The sender's index is authentic only by what follows (paper §5.4.3): the session would be of no use.
    if (byte < 8) continue;
    const expected = byte < 12 ? "unknown-session" : "wrong-handshake";
    assert.equal(simulation.inject(a, forged, ATTACKER), expected, `byte ${byte}`);
  }
  assert.equal(stateOf(a), before);
  assert.equal(simulation.inject(a, response, b.endpoint), "handled");
  assert.equal(
    simulation.inject(a, response, b.endpoint),
    "unknown-session",
    "a replay finds nothing that waits",
  );
  assert.equal(a.count("handshake-completed"), 1);
});

Deno.test("Device drops transport messages that were changed, cut, replayed or reflected", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  const message = capture(simulation, a, 4, () => simulation.send(a, b));
  const before = stateOf(b);
  for (let byte = 0; byte < message.length; byte++) {
    const reason = simulation.inject(b, flipped(message, byte, 0x80), ATTACKER);
    if (byte < 4) assert.equal(reason, "malformed-datagram");
    else if (byte < 8) assert.equal(reason, "unknown-session");
    else if (byte < 14) assert.equal(reason, "wrong-tag", `byte ${byte}`);
    else if (byte < 16) assert.equal(reason, "expired-session");
    else assert.equal(reason, "wrong-tag");
  }
  for (let length = 0; length < message.length; length++) {
    const reason = simulation.inject(b, message.subarray(0, length), ATTACKER);
    assert.equal(reason, length < 32 ? "malformed-datagram" : "wrong-tag");
  }
  assert.equal(simulation.inject(a, message, ATTACKER), "unknown-session", "reflected");
  assert.equal(stateOf(b), before);
  assert.equal(simulation.inject(b, message, a.endpoint), "packet");
  assert.equal(simulation.inject(b, message, a.endpoint), "replayed-datagram");
});

Deno.test("Device drops its own handshake messages when they are reflected", () => {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  for (const host of [a, b]) {
    for (const { datagram, type } of simulation.sentBy(host)) {
      assert.equal(
        simulation.inject(host, datagram, ATTACKER),
        type === 4 ? "unknown-session" : "wrong-mac1",
      );
    }
  }
});

const PATIENT: Partial<DeviceOptions> = { handshakesPerSecond: 20 };

/** Initiations of strangers, 50 a second, beginning now. */
function flood(simulation: Simulation, host: Host, seconds: number): void {
  const stranger = PrivateKey.generate(simulation.random);
  const { message } = createInitiation({ privateKey: stranger, random: simulation.random, aead: nobleAead }, {
    publicKey: host.device.publicKey,
    presharedKey: presharedKey(0),
    localIndex: 7,
    timestamp: new Uint8Array(12),
  });
  new CookieGenerator(host.device.publicKey, 120_000).sign(at(0), message);
  for (let i = 0; i < seconds * 50; i++) {
    const sentBefore = simulation.sentBy(host).length;
    const reason = simulation.inject(host, message, ATTACKER);
    const answers = simulation.sentBy(host).slice(sentBefore);
    if (reason === "unknown-peer") assert.equal(answers.length, 0);
    else assert.deepEqual([reason, answers.map(({ datagram }) => datagram.length)], ["under-load", [64]]);
    simulation.advance(20);
  }
}

Deno.test("Device under load asks for a cookie, and lets the peer in that has one", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost(PATIENT)];
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  flood(simulation, b, 1);
  assert.ok(b.dropped("under-load") > 0);
  const id = simulation.send(a, b);
  flood(simulation, b, 2);
  assert.deepEqual(b.received, []);
  assert.equal(simulation.sentBy(a, 1).length, 1, "a cookie starts nothing by itself");
  flood(simulation, b, 5);
  assert.equal(simulation.sentBy(a, 1).length, 2);
  assert.deepEqual(b.received, [id]);
  assert.equal(a.dropped("wrong-cookie"), 0);
});

Deno.test("Device does not take a cookie that nobody asked for, or a forged one", () => {
  const simulation = new Simulation();
  const [a, b] = [simulation.addHost(), simulation.addHost(PATIENT)];
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  flood(simulation, b, 1);
  const reply = capture(simulation, b, 3, () => {
    simulation.initiate(a, b);
    simulation.advance(11);
  });
  assert.equal(simulation.inject(a, flipped(reply, 4), ATTACKER), "unknown-session");
  assert.equal(simulation.inject(a, flipped(reply, 40), ATTACKER), "wrong-cookie");
  assert.equal(simulation.inject(a, reply, b.endpoint), "handled");
  assert.equal(simulation.inject(a, reply, b.endpoint), "wrong-cookie");
});
