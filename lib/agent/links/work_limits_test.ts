import assert from "node:assert/strict";
import { VirtualClock } from "../../base/mod.ts";
import { WorkLimits } from "./work_limits.ts";

Deno.test("WorkLimits bounds what many links make a node do, and one that does little waits for none of them", () => {
  const clock = new VirtualClock();
  const limits = new WorkLimits(clock);
  const greedy = Array.from({ length: 40 }, () => ({ spend: limits.forLink(), readyAt: 0, work: 0 }));
  const honest = limits.forLink();
  let longestWaitMs = 0;
  for (let ms = 0; ms < 120_000; ms += 10) {
    for (const link of greedy) {
      if (ms < link.readyAt) continue;
      // A message of 100 new items.
      link.readyAt = ms + link.spend({ changes: 100, items: 100 });
      if (ms >= 90_000) link.work += 103;
    }
    if (ms % 2_000 === 0) longestWaitMs = Math.max(longestWaitMs, honest({ changes: 2, items: 10 }));
    clock.advance(10);
  }
  const perSecond = greedy.reduce((sum, { work }) => sum + work, 0) / 30;
  // 40 × 200 without a bound of all; a link's share is 30.
  assert.ok(perSecond <= 40 * 30 * 1.1, `${perSecond}`);
  assert.equal(longestWaitMs, 0);
});

Deno.test("WorkLimits lets one link use 200 ms a second while the others are quiet", () => {
  const clock = new VirtualClock();
  const spend = new WorkLimits(clock).forLink();
  let waitedMs = 0;
  let work = 0;
  for (let i = 0; i < 500; i++) {
    const waitMs = spend({ changes: 100, items: 0 });
    work += 101;
    waitedMs += waitMs;
    clock.advance(waitMs);
  }
  assert.ok(Math.abs((work - 2_000) / waitedMs * 1_000 - 200) < 2, `${work / waitedMs}`);
});
