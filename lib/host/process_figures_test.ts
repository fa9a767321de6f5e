import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../base/mod.ts";
import { LAG_BOUNDS_SECONDS, LoopLag, processFigures } from "./process_figures.ts";

Deno.test("processFigures() tells processor time, memory and files of this process", () => {
  const before = processFigures();
  assert.ok(before.residentMemoryBytes > 1 << 20 && before.cpuSeconds > 0);
  assert.ok(Math.abs(before.startTimeSeconds - Date.now() / 1_000) < 86_400);
  const files = [1, 2, 3].map(() => Deno.openSync(new URL(import.meta.url)));
  try {
    const { openFds, maxFds } = processFigures();
    if (before.openFds !== undefined) assert.ok((openFds ?? 0) >= before.openFds + 3, `${openFds}`);
    if (Deno.build.os === "linux") assert.ok((maxFds ?? 0) > 0 && (before.virtualMemoryBytes ?? 0) > 0);
  } finally {
    for (const file of files) file.close();
  }
});

Deno.test("LoopLag counts how late a timer came, once a second, until it ends", () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  let late = 0;
  const lag = new LoopLag(timers, () => clock.now() + late);
  timers.advance(1_000);
  late = 40;
  timers.advance(1_000);
  const { buckets, count, sumSeconds } = lag.snapshot();
  const at = (seconds: number) => buckets[LAG_BOUNDS_SECONDS.indexOf(seconds)];
  assert.deepEqual([count, at(0.001), at(0.05)], [2, 1, 1]);
  assert.ok(Math.abs(sumSeconds - 0.04) < 1e-9);
  lag[Symbol.dispose]();
  assert.equal(timers.size, 0);
});
