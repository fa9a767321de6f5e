/**
 * Tests of the datagrams that wait.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { DatagramQueue } from "./datagram_queue.ts";

const ADDRESS = IpAddress.fromBytes(Uint8Array.of(192, 0, 2, 1));
const SLOTS = 512;

Deno.test("DatagramQueue gives back what was put in, in order, through many turns of the ring", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 2000, size: "max" });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: SLOTS }), (all, burst) => {
      const queue = new DatagramQueue(SLOTS, 100);
      for (let from = 0; from < all.length; from += burst) {
        const some = all.slice(from, from + burst);
        some.forEach((length, i) => queue.claim(length, new Endpoint(ADDRESS, i)).fill(i));
        assert.equal(queue.isFull, some.length === SLOTS);
        some.forEach((length, i) => {
          const oldest = queue.shift();
          assert.equal(oldest?.datagram.length, length);
          assert.equal(oldest?.endpoint.port, i);
          assert.ok(oldest?.datagram.every((byte) => byte === (i & 255)));
        });
        assert.equal(queue.shift(), undefined);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("DatagramQueue uses its memory again", () => {
  const queue = new DatagramQueue(SLOTS, 100);
  const memory = new Set<ArrayBufferLike>();
  for (let i = 0; i < 4 * SLOTS; i++) {
    memory.add(queue.claim(1 + i % 100, new Endpoint(ADDRESS, 1)).buffer);
    queue.shift();
  }
  assert.ok(memory.size <= SLOTS);
});

Deno.test("DatagramQueue is empty after it was cleared, and goes on", () => {
  const queue = new DatagramQueue(2, 100);
  assert.ok(queue.isEmpty);
  queue.claim(1, new Endpoint(ADDRESS, 1));
  queue.claim(1, new Endpoint(ADDRESS, 2));
  assert.ok(queue.isFull);
  queue.clear();
  assert.ok(queue.isEmpty);
  assert.equal(queue.shift(), undefined);
  queue.claim(1, new Endpoint(ADDRESS, 3));
  assert.equal(queue.shift()?.endpoint.port, 3);
});
