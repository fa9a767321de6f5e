import assert from "node:assert/strict";
import fc from "fast-check";
import { RateMeter } from "./rate_meter.ts";
import { millis } from "./time.ts";

Deno.test("RateMeter lets its burst pass, then what it earns, and never more than its burst", () => {
  const meter = new RateMeter(100, 5);
  const taken = (at: number) =>
    Array.from({ length: 20 }, () => meter.tryTake(millis(at), 1)).filter(Boolean).length;
  assert.equal(taken(1_000), 5);
  assert.equal(taken(1_000), 0);
  assert.equal(taken(1_025), 2);
  assert.equal(taken(1_030), 1, "the half that was left is not lost");
  assert.equal(taken(60_000), 5);
});

Deno.test("RateMeter takes nothing for a look, nor for what it refuses", () => {
  const meter = new RateMeter(1_000, 100);
  for (let i = 0; i < 3; i++) assert.equal(meter.has(millis(0), 100), true);
  for (let i = 0; i < 3; i++) assert.equal(meter.tryTake(millis(0), 101), false);
  assert.equal(meter.tryTake(millis(0), 100), true);
  assert.equal(meter.has(millis(0), 1), false);
});

Deno.test("RateMeter earns nothing while the clock is set back, and no time twice", () => {
  const meter = new RateMeter(1_000, 1_000);
  meter.take(millis(10_000), 1_000);
  assert.equal(meter.has(millis(9_000), 1), false, "nothing for time before");
  assert.equal(meter.has(millis(10_000), 1), false, "that second was counted already");
  assert.equal(meter.has(millis(10_001), 1), true);
  assert.equal(meter.has(millis(10_001), 2), false);
});

Deno.test("RateMeter that was overdrawn tells how long to wait, and lets more than its burst pass when it is full", () => {
  const meter = new RateMeter(1_000, 500);
  assert.equal(meter.waitMs(millis(0), 2_000), 0);
  meter.take(millis(0), 2_000);
  assert.equal(meter.waitMs(millis(0), 100), 1_600);
  assert.equal(meter.waitMs(millis(0), 9_000), 2_000, "until it is full");
  assert.equal(meter.isFull(millis(1_999)), false);
  assert.equal(meter.isFull(millis(2_000)), true);
});

Deno.test("RateMeter without a bound refuses nothing, and one that earns nothing has its burst once", () => {
  const boundless = new RateMeter(Infinity, 10);
  for (const at of [0, 0, 1]) assert.equal(boundless.tryTake(millis(at), 1e12), true);
  assert.equal(boundless.waitMs(millis(1), 1e12), 0);
  const once = new RateMeter(0, 10);
  assert.equal(once.tryTake(millis(0), 10), true);
  assert.equal(once.tryTake(millis(1e9), 1), false);
});

Deno.test("RateMeter lets no more pass than its burst and what the time earned, whatever the clock does", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 10_000 }),
    fc.integer({ min: 0, max: 1_000 }),
    fc.array(fc.record({ at: fc.integer({ min: 0, max: 5_000 }), cost: fc.integer({ min: 0, max: 200 }) })),
    (perSecond, burst, calls) => {
      const meter = new RateMeter(perSecond, burst);
      let passed = 0;
      for (const { at, cost } of calls) if (meter.tryTake(millis(at), cost)) passed += cost;
      const times = calls.map(({ at }) => at);
      const spanMs = calls.length === 0 ? 0 : Math.max(...times) - (times[0] ?? 0);
      assert.ok(passed <= burst + spanMs * perSecond / 1000 + 1e-6, `${passed}`);
    },
  ));
});
