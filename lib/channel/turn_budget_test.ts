import assert from "node:assert/strict";
import { type EventLoopYield, utf8Bytes } from "../base/mod.ts";
import { Bench, settle, testChannel } from "./testing/memory_stream.ts";
import { TURN_MS } from "./turn_budget.ts";

const MESSAGES = 500;
const BODY = utf8Bytes("work");

/** Yields that end when they are told to. */
class ManualYield implements EventLoopYield {
  #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @returns how many waited for it */
  end(): number {
    const waiting = this.#waiting.splice(0);
    for (const resolve of waiting) resolve();
    return waiting.length;
  }
}

testChannel("whoever says too much keeps only itself waiting, and is heard in the end", async (bench) => {
  const other = new Bench(bench.isLocal);
  const turns = new ManualYield();
  const [flooder, flooded] = await bench.connect();
  const [caller, called] = await other.connect();
  let handled = 0;
  flooded.yieldTo(turns);
  flooded.attach("work", () => {
    handled++;
    bench.clock.advance(1);
  });
  const handledBefore: number[] = [];
  called.yieldTo(turns);
  called.attach("work", () => handledBefore.push(handled));
  for (let i = 0; i < MESSAGES; i++) assert.ok(flooder.post("work", BODY));
  await settle();
  caller.post("work", BODY);
  await settle();
  // The clock is read after each 16th.
  assert.deepEqual(handledBefore, [16], "the other one was heard after one share of the flood");
  let ended = 0;
  while (turns.end() > 0) {
    ended++;
    await settle();
  }
  assert.equal(handled, MESSAGES);
  assert.ok(ended >= Math.floor(MESSAGES / 16), `${ended} turns`);
});

testChannel("work that takes no longer than a share goes on without a pause", async (bench) => {
  const turns = new ManualYield();
  const [near, far] = await bench.connect();
  let handled = 0;
  far.yieldTo(turns);
  far.attach("work", () => {
    handled++;
    bench.clock.advance(TURN_MS / 2 / MESSAGES);
  });
  for (let i = 0; i < MESSAGES; i++) near.post("work", BODY);
  await settle();
  assert.equal(handled, MESSAGES);
  assert.equal(turns.end(), 0);
});

testChannel("a channel that waits for its turn is closed at once", async (bench) => {
  const turns = new ManualYield();
  const [near, far] = await bench.connect();
  far.yieldTo(turns);
  let handled = 0;
  far.attach("work", () => {
    handled++;
    bench.clock.advance(TURN_MS);
  });
  for (let i = 0; i < MESSAGES; i++) near.post("work", BODY);
  await settle();
  far.close();
  near.close();
  await settle();
  bench.timers.advance(1_000);
  await Promise.all([near.closed, far.closed]);
  turns.end();
  await settle();
  assert.equal(handled, 16);
});
