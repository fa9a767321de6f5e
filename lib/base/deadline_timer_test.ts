import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "./time.ts";
import { silentLogger } from "./environment.ts";
import { repeat, withTimeout } from "./deadline_timer.ts";

Deno.test("repeat() calls again and again until it is ended, also when one call throws", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const logged: string[] = [];
  const log = { ...silentLogger, error: (text: string) => void logged.push(text) };
  let calls = 0;
  const end = repeat({ timers, log }, { intervalMs: 10_000, problem: "cannot do it" }, () => {
    if (++calls === 2) throw new Error("the disk is full");
  });
  timers.advance(9_999);
  assert.equal(calls, 0);
  timers.advance(20_001);
  assert.equal(calls, 3);
  assert.deepEqual(logged, ["cannot do it"]);
  end();
  timers.advance(100_000);
  assert.deepEqual([calls, timers.size], [3, 0]);
});

Deno.test("repeat() calls no more when a call ends it", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const end = repeat({ timers, log: silentLogger }, { intervalMs: 10, problem: "" }, () => end());
  timers.advance(10);
  assert.equal(timers.size, 0);
});

Deno.test("withTimeout() gives the answer or undefined, and leaves no timer", async () => {
  const timers = new VirtualTimers(new VirtualClock());
  assert.equal(await withTimeout(timers, 100, Promise.resolve(7)), 7);
  const late = withTimeout(timers, 100, new Promise(() => {}));
  timers.advance(100);
  assert.equal(await late, undefined);
  await assert.rejects(withTimeout(timers, 100, Promise.reject(new Error("no"))), /no/);
  assert.equal(timers.size, 0);
});
