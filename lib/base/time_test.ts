import assert from "node:assert/strict";
import fc from "fast-check";
import { VirtualClock, VirtualTimers } from "./time.ts";

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

Deno.test("VirtualTimers fire in the order of their deadlines, then of their setting, but for those cancelled", () => {
  const step = fc.record({
    delayMs: fc.integer({ min: -1, max: 40 }),
    isCancelled: fc.boolean(),
    again: fc.option(fc.integer({ min: 0, max: 10 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 40 }), (steps, endMs) => {
      const clock = new VirtualClock();
      const timers = new VirtualTimers(clock);
      const fired: (readonly [number, number])[] = [];
      const cancels = steps.map(({ delayMs, again }, i) =>
        timers.setTimer(delayMs, () => {
          fired.push([i, clock.now()]);
          if (again !== null) timers.setTimer(again, () => fired.push([1_000 + i, clock.now()]));
        })
      );
      steps.forEach(({ isCancelled }, i) => isCancelled && cancels[i]?.());
      assert.equal(timers.size, steps.filter(({ isCancelled }) => !isCancelled).length);
      timers.advance(endMs);
      // The plain twin: all that is due, sorted; what a timer sets comes behind what was set before.
      const due = steps.flatMap(({ delayMs, isCancelled, again }, i) => {
        const at = Math.max(0, delayMs);
        if (isCancelled) return [];
        return [[i, at] as const, ...(again === null ? [] : [[1_000 + i, at + again] as const])];
      }).filter(([, at]) => at <= endMs);
      assert.deepEqual(fired.map(([, at]) => at), fired.map(([, at]) => at).toSorted((a, b) => a - b));
      assert.deepEqual(fired.toSorted(byName), due.toSorted(byName));
      const first = fired.filter(([i]) => i < 1_000);
      assert.deepEqual(first, first.toSorted(([a, at], [b, bt]) => at - bt || a - b));
      assert.equal(clock.now(), endMs);
    }),
  );
});

Deno.test("VirtualTimers forget what is cancelled, and a late cancel does no harm", () => {
  const timers = new VirtualTimers(new VirtualClock());
  let fired = 0;
  const cancels = Array.from({ length: 1_000 }, (_, i) => timers.setTimer(i, () => fired++));
  for (const cancel of cancels.slice(10)) cancel();
  assert.equal(timers.size, 10);
  timers.advance(1_000);
  for (const cancel of cancels) cancel();
  assert.deepEqual([fired, timers.size], [10, 0]);
});

function byName([a]: readonly [number, number], [b]: readonly [number, number]): number {
  return a - b;
}

Deno.test("VirtualTimers.next is when the first timer falls due that was not cancelled", () => {
  const timers = new VirtualTimers(new VirtualClock());
  assert.equal(timers.next, undefined);
  const cancel = timers.setTimer(10, () => {});
  timers.setTimer(20, () => {});
  timers.setTimer(30, () => {});
  assert.equal(timers.next, 10);
  cancel();
  assert.deepEqual([timers.next, timers.size], [20, 2]);
  timers.advance(25);
  assert.deepEqual([timers.next, timers.size], [30, 1]);
  cancel();
  assert.equal(timers.size, 1);
});
