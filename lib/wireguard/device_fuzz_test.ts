/**
 * Tests that no datagram and no packet makes a device throw, answer at length, or lose its sessions.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { CookieGenerator } from "./cookies.ts";
import { INITIATION_BYTES, RESPONSE_BYTES, writeIndex } from "./messages.ts";
import { at, type Host, parseEndpoint, Simulation } from "./testing/simulation.ts";

const ATTACKER = parseEndpoint("203.0.113.66:6666");

function establishedPair(): { readonly simulation: Simulation; readonly a: Host; readonly b: Host } {
  const simulation = new Simulation(3);
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(1000);
  return { simulation, a, b };
}

/** Hands `datagram` in and checks that whatever is sent for it is shorter. */
function feed(simulation: Simulation, host: Host, datagram: Uint8Array): string {
  const before = simulation.sent.length;
  const outcome = simulation.inject(host, datagram, ATTACKER);
  for (const answer of simulation.sent.slice(before)) assert.ok(answer.datagram.length < datagram.length);
  return outcome;
}

const lengths = fc.oneof(fc.constantFrom(32, 64, 92, 148), fc.integer({ min: 0, max: 300 }));
const noise = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
const typed = fc.tuple(fc.constantFrom(1, 2, 3, 4), noise).map(([type, bytes]) => {
  bytes.set([type, 0, 0, 0].slice(0, bytes.length));
  return bytes;
});

Deno.test("Device.handleDatagram() survives random datagrams of valid types and drops them all", () => {
  const { simulation, a, b } = establishedPair();
  fc.assert(
    fc.property(fc.oneof(noise, typed), (datagram) => {
      const outcome = feed(simulation, b, datagram);
      assert.ok(outcome !== "packet" && outcome !== "handled", outcome);
    }),
    { numRuns: 2000 },
  );
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.deepEqual(b.received, [id]);
});

Deno.test("Device.handleDatagram() survives random datagrams that know its indices and its key", () => {
  const { simulation, a, b } = establishedPair();
  const index = simulation.sentBy(a, 4)[0]?.datagram.slice(4, 8) ?? new Uint8Array(4);
  const signer = new CookieGenerator(b.device.publicKey, 120_000);
  fc.assert(
    fc.property(typed, fc.boolean(), (datagram, isAtEight) => {
      if (datagram.length >= 32) datagram.set(index, isAtEight ? 8 : 4);
      if (datagram[0] === 4) datagram.fill(0, 13, 16);
      const isHandshake = datagram.length === INITIATION_BYTES || datagram.length === RESPONSE_BYTES;
      if (isHandshake) signer.sign(at(0), datagram);
      simulation.advance(1);
      const outcome = feed(simulation, b, datagram);
      assert.ok(outcome !== "packet" && outcome !== "handled", outcome);
    }),
    { numRuns: 1000 },
  );
  assert.ok(b.dropped("under-load") + b.dropped("wrong-handshake") > 0);
  assert.ok(b.dropped("wrong-tag") > 0);
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.equal(b.received.at(-1), id);
});

Deno.test("Device.handleDatagram() drops transport messages of every length at a known index", () => {
  const { simulation, a, b } = establishedPair();
  const index = simulation.sentBy(a, 4)[0]?.datagram.slice(4, 8) ?? new Uint8Array(4);
  for (const length of [32, 33, 47, 48, 1452, 9000, 65_535, 65_536, 70_000]) {
    const datagram = new Uint8Array(length);
    datagram[0] = 4;
    datagram.set(index, 4);
    writeIndex(datagram, 8, 5);
    assert.equal(feed(simulation, b, datagram), length > 65_535 ? "malformed-datagram" : "wrong-tag");
  }
});

Deno.test("Device.handlePacket() survives random packets", () => {
  const { simulation, a, b } = establishedPair();
  const start = fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x00, 0xff);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), start, fc.boolean(), (packet, first, isLengthRight) => {
      if (packet.length > 0) packet[0] = first;
      if (isLengthRight && packet.length >= 20) {
        if (first === 0x60) packet.set([0, packet.length - 40 & 255], 4);
        else packet.set([0, packet.length], 2);
        packet.set(b.address4.bytes, 16);
      }
      a.device.handlePacket(simulation.now, packet);
      simulation.advance(1);
    }),
    { numRuns: 1000 },
  );
  const id = simulation.send(a, b);
  simulation.advance(100);
  assert.equal(b.received.at(-1), id);
});
