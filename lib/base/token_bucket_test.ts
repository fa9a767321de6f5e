import assert from "node:assert/strict";
import { VirtualClock } from "./mod.ts";
import { TokenBucket } from "./token_bucket.ts";

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
