import assert from "node:assert/strict";
import { SeededRandom } from "../../base/mod.ts";
import { Backoff } from "./backoff.ts";

Deno.test("Backoff doubles up to half a minute with jitter, and starts over", () => {
  const backoff = new Backoff(new SeededRandom(1));
  let ceilingMs = 500;
  for (let attempt = 0; attempt < 12; attempt++) {
    const delayMs = backoff.nextDelayMs();
    assert.ok(delayMs >= ceilingMs / 2 && delayMs <= ceilingMs, `${delayMs} of ${ceilingMs}`);
    ceilingMs = Math.min(30_000, ceilingMs * 2);
  }
  backoff.reset();
  assert.ok(backoff.nextDelayMs() <= 500);
});
