import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { keepUp, UPKEEP_MS } from "./upkeep.ts";

Deno.test("keepUp() looks again and again until it is ended, also when one look fails", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const logged: string[] = [];
  let looks = 0;
  const end = keepUp(timers, { ...silentLogger, error: (text) => void logged.push(text) }, () => {
    if (++looks === 2) throw new Error("the disk is full");
  });
  timers.advance(UPKEEP_MS - 1);
  assert.equal(looks, 0);
  timers.advance(2 * UPKEEP_MS + 1);
  assert.equal(looks, 3);
  assert.deepEqual(logged, ["cannot look after the state"]);
  end();
  timers.advance(10 * UPKEEP_MS);
  assert.deepEqual([looks, timers.size], [3, 0]);
});

Deno.test("keepUp() looks no more when a look ends it", () => {
  const timers = new VirtualTimers(new VirtualClock());
  const end = keepUp(timers, silentLogger, () => end());
  timers.advance(UPKEEP_MS);
  assert.equal(timers.size, 0);
});
