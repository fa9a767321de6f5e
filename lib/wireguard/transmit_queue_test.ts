/**
 * Tests of the datagrams that wait to be sent.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { TransmitQueue } from "./transmit_queue.ts";

const ADDRESS = IpAddress.fromBytes(Uint8Array.of(192, 0, 2, 1));
const SLOTS = 512;

Deno.test("TransmitQueue gives back what was put in, in order, through many turns of the ring", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 2000, size: "max" });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: SLOTS }), (all, burst) => {
      const queue = new TransmitQueue(100);
      for (let from = 0; from < all.length; from += burst) {
        const some = all.slice(from, from + burst);
        some.forEach((length, i) => queue.claim(length, new Endpoint(ADDRESS, i)).fill(i));
        assert.equal(queue.isFull, some.length === SLOTS);
        some.forEach((length, i) => {
          const transmit = queue.shift();
          assert.equal(transmit?.datagram.length, length);
          assert.equal(transmit?.destination.port, i);
          assert.ok(transmit?.datagram.every((byte) => byte === (i & 255)));
        });
        assert.equal(queue.shift(), undefined);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("TransmitQueue uses its memory again", () => {
  const queue = new TransmitQueue(100);
  const memory = new Set<ArrayBufferLike>();
  for (let i = 0; i < 4 * SLOTS; i++) {
    memory.add(queue.claim(1 + i % 100, new Endpoint(ADDRESS, 1)).buffer);
    queue.shift();
  }
  assert.ok(memory.size <= SLOTS);
});
