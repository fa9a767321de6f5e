import assert from "node:assert/strict";
import { VirtualClock } from "./clock.ts";

Deno.test("VirtualClock moves both clocks only when it is told to", () => {
  const clock = new VirtualClock(1_000);
  assert.equal(clock.now(), 0);
  assert.equal(clock.wall(), 1_000);
  clock.advance(0);
  clock.advance(2.5);
  clock.advance(7);
  assert.equal(clock.now(), 9.5);
  assert.equal(clock.wall(), 1_009.5);
});

Deno.test("VirtualClock.advance() refuses to go back or nowhere", () => {
  const clock = new VirtualClock();
  for (const byMs of [-1, NaN, Infinity]) assert.throws(() => clock.advance(byMs), RangeError);
  assert.equal(clock.now(), 0);
});
