/**
 * Tests of which sessions of a peer are in use, and of the replay window against a set that remembers everything.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { millis } from "../base/mod.ts";
import { nobleAead } from "../crypto/mod.ts";
import { Keypair, Keypairs, ReplayWindow, WINDOW_LENGTHS, type WindowMemory } from "./keypair.ts";

function keypair(localIndex: number, isInitiator: boolean): Keypair {
  return new Keypair({
    createdAt: millis(0),
    isInitiator,
    localIndex,
    remoteIndex: localIndex + 1000,
    sendKey: nobleAead.key(new Uint8Array(32).fill(1)),
    receiveKey: nobleAead.key(new Uint8Array(32).fill(2)),
  });
}

/** Keypairs with the indices of what they discarded. */
function observed(): { readonly keypairs: Keypairs; readonly discarded: number[] } {
  const discarded: number[] = [];
  return { keypairs: new Keypairs((old) => void discarded.push(old.localIndex)), discarded };
}

Deno.test("Keypairs.add() makes an initiator's session current and the former one previous", () => {
  const { keypairs, discarded } = observed();
  const [first, second, third] = [keypair(1, true), keypair(2, true), keypair(3, true)];
  keypairs.add(first);
  assert.equal(keypairs.current, first);
  keypairs.add(second);
  assert.deepEqual([keypairs.previous, keypairs.current, discarded], [first, second, []]);
  keypairs.add(third);
  assert.deepEqual([keypairs.previous, keypairs.current, discarded], [second, third, [1]]);
});

Deno.test("Keypairs.add() keeps a responder's session waiting until it is confirmed", () => {
  const { keypairs, discarded } = observed();
  const [old, waiting] = [keypair(1, true), keypair(2, false)];
  keypairs.add(old);
  keypairs.add(waiting);
  assert.deepEqual([keypairs.current, keypairs.next], [old, waiting]);
  assert.equal(keypairs.confirm(old), false);
  assert.equal(keypairs.confirm(waiting), true);
  assert.equal(keypairs.confirm(waiting), false);
  assert.deepEqual([keypairs.previous, keypairs.current, keypairs.next], [old, waiting, undefined]);
  assert.deepEqual(discarded, []);
});

Deno.test("Keypairs.add() lets a second response take the place of one that nobody confirmed", () => {
  const { keypairs, discarded } = observed();
  keypairs.add(keypair(1, true));
  keypairs.add(keypair(2, true));
  keypairs.add(keypair(3, false));
  assert.deepEqual(discarded, [1], "a session that waits costs the previous one");
  keypairs.add(keypair(4, false));
  assert.deepEqual(discarded, [1, 3]);
  assert.equal(keypairs.current?.localIndex, 2);
});

Deno.test("Keypairs.add() keeps the peer's session as previous when both began a handshake", () => {
  const { keypairs, discarded } = observed();
  keypairs.add(keypair(1, true));
  keypairs.add(keypair(2, false));
  keypairs.add(keypair(3, true));
  assert.deepEqual([keypairs.previous?.localIndex, keypairs.current?.localIndex], [2, 3]);
  assert.equal(keypairs.next, undefined);
  assert.deepEqual(discarded, [1]);
});

Deno.test("Keypairs discards every session once, and never one that is in use", () => {
  const action = fc.constantFrom("initiate", "respond", "confirm", "clear");
  fc.assert(fc.property(fc.array(action, { maxLength: 60, size: "max" }), (actions) => {
    const { keypairs, discarded } = observed();
    let made = 0;
    for (const name of actions) {
      if (name === "clear") keypairs.clear();
      else if (name !== "confirm") keypairs.add(keypair(made++, name === "initiate"));
      else if (keypairs.next !== undefined) assert.ok(keypairs.confirm(keypairs.next));
      const used = [keypairs.previous, keypairs.current, keypairs.next].flatMap((one) =>
        one?.localIndex ?? []
      );
      assert.equal(new Set([...used, ...discarded]).size, made);
      assert.equal(used.length + discarded.length, made);
    }
  }));
});

Deno.test("Keypair.wipe() leaves keys that open nothing", () => {
  const session = keypair(1, true);
  const sealed = new Uint8Array(20);
  nobleAead.key(new Uint8Array(32).fill(2)).seal(0, new Uint8Array(4), new Uint8Array(0), sealed, 0);
  assert.equal(session.receiveKey.open(0, sealed, new Uint8Array(0), new Uint8Array(4), 0), 4);
  session.wipe();
  assert.equal(session.receiveKey.open(0, sealed, new Uint8Array(0), new Uint8Array(4), 0), -1);
});

const WINDOW_COUNTERS = 8128;

/** The window's plain twin. */
class NaiveWindow {
  readonly #seen = new Set<number>();
  #greatest = -1;

  isFresh(counter: number): boolean {
    return counter > this.#greatest - WINDOW_COUNTERS && !this.#seen.has(counter);
  }

  accept(counter: number): void {
    this.#seen.add(counter);
    this.#greatest = Math.max(this.#greatest, counter);
  }
}

/** Steps relative to the greatest counter: small ones, ones about a word, about the window and the ring, huge ones. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: -8200, max: 8200 }) },
  { weight: 2, arbitrary: fc.constantFrom(-8193, -8192, -8191, -8129, -8128, -8127, 8127, 8128, 8192, 8193) },
  { weight: 1, arbitrary: fc.integer({ min: 8000, max: 2 ** 40 }) },
);
const start = fc.constantFrom(
  0,
  31,
  8127,
  2 ** 31 - 20,
  2 ** 32 - 20,
  2 ** 37 - 20,
  2 ** 52,
  Number.MAX_SAFE_INTEGER - 20_000,
);

Deno.test("ReplayWindow agrees with a set that remembers everything", () => {
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 300, size: "max" }), (first, steps) => {
      const window = new ReplayWindow();
      const oracle = new NaiveWindow();
      let greatest = first;
      for (const by of [0, ...steps]) {
        const counter = Math.min(Math.max(0, greatest + by), Number.MAX_SAFE_INTEGER);
        const isFresh = oracle.isFresh(counter);
        assert.equal(window.isFresh(counter), isFresh, `${counter} with ${greatest} as the greatest`);
        if (!isFresh) continue;
        window.accept(counter);
        oracle.accept(counter);
        greatest = Math.max(greatest, counter);
      }
    }),
    { numRuns: 300 },
  );
});

for (const greatest of [8128, 8191, 8192, 100_000, 2 ** 32, 2 ** 32 + 17, 2 ** 53 - 1]) {
  Deno.test(`ReplayWindow accepts exactly 8,128 counters up to ${greatest}, each once`, () => {
    const window = new ReplayWindow();
    window.accept(greatest);
    let accepted = 1;
    for (let counter = greatest - 8400; counter < greatest; counter++) {
      if (counter < 0 || !window.isFresh(counter)) continue;
      window.accept(counter);
      accepted++;
      assert.equal(window.isFresh(counter), false);
    }
    assert.equal(accepted, WINDOW_COUNTERS);
  });
}

Deno.test("ReplayWindow.isFresh() remembers nothing", () => {
  const window = new ReplayWindow();
  assert.ok(window.isFresh(5) && window.isFresh(5));
  window.accept(5);
  assert.ok(window.isFresh(90_000) && window.isFresh(4) && !window.isFresh(5));
});

Deno.test("ReplayWindow forgets what a jump of a whole ring leaves behind", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 8192; counter++) window.accept(counter);
  window.accept(8192 * 3);
  for (let counter = 8192 * 3 - 8127; counter < 8192 * 3; counter++) assert.ok(window.isFresh(counter));
  assert.equal(window.isFresh(8192 * 3), false);
});

function windowMemory(): WindowMemory {
  return {
    ends: new Float64Array(new SharedArrayBuffer(WINDOW_LENGTHS.ends * 8)),
    seen: new Int32Array(new SharedArrayBuffer(WINDOW_LENGTHS.seen * 4)),
  };
}

Deno.test("ReplayWindow.moveTo() goes on in memory that others see too", () => {
  const window = new ReplayWindow();
  for (const counter of [3, 5, 9000]) window.accept(counter);
  const memory = windowMemory();
  window.moveTo(memory);
  const other = new ReplayWindow(memory);
  assert.ok(!other.isFresh(9000) && !other.isFresh(5) && other.isFresh(8999));
  other.accept(8999);
  window.accept(9001);
  assert.ok(!window.isFresh(8999) && !other.isFresh(9001) && other.isFresh(9002));
});

Deno.test("ReplayWindow takes nothing twice when whoever accepts stops in the middle", () => {
  for (const jump of [1, 31, 32, 200, 8000, 9000, 20_000]) {
    const memory = windowMemory();
    const window = new ReplayWindow(memory);
    memory.ends[0] = -1;
    for (let counter = 0; counter <= 10_000; counter++) window.accept(counter);
    const before = memory.ends[0];
    new ReplayWindow(memory).accept(10_000 + jump);
    // Everything was done but the last steps: the greatest counter, and its own bit.
    memory.ends[0] = before;
    for (let counter = 0; counter <= 10_000; counter++) {
      assert.equal(window.isFresh(counter), false, `${counter} after a jump of ${jump}`);
    }
    assert.ok(window.isFresh(10_001) || jump === 1);
  }
});
