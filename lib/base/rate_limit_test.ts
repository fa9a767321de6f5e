import assert from "node:assert/strict";
import { millis, VirtualClock } from "./time.ts";
import { KeyedRateLimiter, TokenBucket } from "./rate_limit.ts";

Deno.test("TokenBucket lets a burst pass, then what it earns", () => {
  const clock = new VirtualClock();
  const bucket = new TokenBucket(clock, { burst: 10, perSecond: 2 });
  assert.equal(bucket.spend(10), 0);
  assert.equal(bucket.spend(1), 500);
  clock.advance(500);
  assert.equal(bucket.spend(2), 1000);
  clock.advance(60_000);
  assert.equal(bucket.spend(10), 0, "it earns no more than a burst");
  assert.equal(bucket.spend(4), 2000);
});

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

Deno.test("KeyedRateLimiter loses nothing of a burst to rounding, and adds nothing", () => {
  for (let burst = 1; burst <= 300; burst++) {
    const limiter = new KeyedRateLimiter({ burst, everyMs: 1_000 / burst, maxSources: 1 });
    for (const now of [0.1, 2_000.7, 86_400_000.123, 86_401_000.123]) {
      const allowed = Array.from({ length: burst + 5 }, () => limiter.allows(millis(now), "a"));
      assert.equal(allowed.filter((isAllowed) => isAllowed).length, burst, `${burst} at ${now}`);
    }
  }
});

Deno.test("KeyedRateLimiter remembers no more sources than it may", () => {
  const limiter = new KeyedRateLimiter({ burst: 1, everyMs: 1_000, maxSources: 2 });
  for (const source of ["a", "b", "c"]) assert.equal(limiter.allows(millis(0), source), true);
  assert.equal(limiter.allows(millis(0), "c"), false);
  assert.equal(limiter.allows(millis(0), "a"), true, "it was forgotten");
});
