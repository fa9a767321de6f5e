/**
 * Tests of the replay window against a set that remembers everything.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ReplayWindow } from "./replay_window.ts";

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
