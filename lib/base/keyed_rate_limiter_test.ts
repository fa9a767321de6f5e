import assert from "node:assert/strict";
import { millis } from "./clock.ts";
import { KeyedRateLimiter } from "./keyed_rate_limiter.ts";

Deno.test("KeyedRateLimiter holds back one source and not the others", () => {
  const limiter = new KeyedRateLimiter({ burst: 3, everyMs: 50, maxSources: 10 });
  const allowed = (at: number, source: string, times: number): number =>
    Array.from({ length: times }, () => limiter.allows(millis(at), source)).filter((isAllowed) => isAllowed)
      .length;
  assert.equal(allowed(0, "a", 10), 3);
  assert.equal(allowed(0, "b", 2), 2);
  assert.equal(allowed(49, "a", 10), 0);
  assert.equal(allowed(110, "a", 10), 2);
  assert.equal(allowed(10_000, "a", 10), 3, "no more than the burst is saved");
});

Deno.test("KeyedRateLimiter remembers no more sources than it may", () => {
  const limiter = new KeyedRateLimiter({ burst: 1, everyMs: 1_000, maxSources: 2 });
  for (const source of ["a", "b", "c"]) assert.equal(limiter.allows(millis(0), source), true);
  assert.equal(limiter.allows(millis(0), "c"), false);
  assert.equal(limiter.allows(millis(0), "a"), true, "it was forgotten");
});
