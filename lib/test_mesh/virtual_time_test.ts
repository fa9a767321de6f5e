import assert from "node:assert/strict";
import { VirtualTime } from "./virtual_time.ts";

Deno.test("VirtualTime.advance() fires each timer at its own time, with promises settled in between", async () => {
  const time = new VirtualTime();
  const happened: [string, number][] = [];
  const note = (what: string) => happened.push([what, time.clock.now()]);
  time.timers.setTimer(20, async () => {
    note("timer");
    await Promise.resolve();
    time.timers.setTimer(5, () => note("timer of a timer"));
  });
  time.sleep(30).then(() => note("sleep"));
  await time.advance(30);
  assert.deepEqual(happened, [["timer", 20], ["timer of a timer", 25], ["sleep", 30]]);
  assert.equal(time.clock.now(), 30);
  await time.advance(0);
  assert.equal(time.clock.now(), 30);
});

Deno.test("VirtualTime.advance() refuses steps that are none", async () => {
  for (const ms of [-1, NaN, Infinity]) await assert.rejects(new VirtualTime().advance(ms), RangeError);
});

Deno.test("VirtualTime.until() lets no more time pass than it takes, and says when nothing comes of it", async () => {
  const time = new VirtualTime();
  assert.equal(await time.until(time.sleep(70_000).then(() => "awake"), 70_000), "awake");
  assert.equal(time.clock.now(), 70_000);
  await assert.rejects(time.until(Promise.reject(new RangeError("no"))), /no/);
  assert.equal(await time.until(Promise.resolve(1)), 1);
  assert.equal(time.clock.now(), 70_000);
  const never = new Promise(() => {});
  await assert.rejects(time.until(never), /nothing is due/);
  time.timers.setTimer(100, () => {});
  await assert.rejects(time.until(never, 99), /within 99 ms/);
  assert.equal(time.clock.now(), 70_000);
});

Deno.test("VirtualTime.sleep() ends with its signal", async () => {
  const time = new VirtualTime();
  const abort = new AbortController();
  const sleeping = time.sleep(1_000, abort.signal);
  abort.abort(new Error("woken"));
  await assert.rejects(sleeping, /woken/);
  await assert.rejects(time.sleep(1_000, abort.signal), /woken/);
  assert.equal(time.timers.size, 0);
});
