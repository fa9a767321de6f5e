import assert from "node:assert/strict";
import { EarlyWrite } from "./record_writer.ts";

/** Posts messages of 140 bytes. @returns how many were queued at each early write */
function turn(early: EarlyWrite, messages: number): readonly number[] {
  const writes: number[] = [];
  let queued = 0;
  for (let i = 0; i < messages; i++) {
    queued++;
    if (!early.isDue(140, queued * 140)) continue;
    writes.push(queued);
    queued = 0;
  }
  early.endTurn();
  return writes;
}

Deno.test("EarlyWrite leaves few messages together, and cuts more into parts that grow with what turns have", () => {
  const early = new EarlyWrite();
  assert.deepEqual(turn(early, 3), []);
  assert.deepEqual(turn(early, 16), [4, 4, 4, 4]);
  for (let i = 0; i < 40; i++) turn(early, 64);
  assert.deepEqual(turn(early, 64), [16, 16, 16, 16]);
  for (let i = 0; i < 40; i++) turn(early, 256);
  // No part is longer than 4 KiB.
  assert.deepEqual(new Set(turn(early, 256)), new Set([30]));
  // What is unusually little waits for the end of its turn, until it is usual.
  for (let i = 0; i < 80; i++) turn(early, 16);
  assert.ok(turn(early, 16).every((messages) => messages <= 5));
});

Deno.test("EarlyWrite cuts a turn that has no end into parts that grow", () => {
  const writes = turn(new EarlyWrite(), 4_000);
  assert.equal(writes[0], 4);
  // Up to 64 KiB as in a turn of many messages, and 16 KiB in the end.
  assert.ok(writes.slice(0, 16).every((messages) => messages <= 30));
  assert.equal(writes.at(-1), 118);
  assert.deepEqual(writes.toSorted((a, b) => a - b), writes);
});

Deno.test("EarlyWrite waits some microtasks where turns have little to say, and one where they have much", () => {
  const early = new EarlyWrite();
  assert.equal(early.steps, 8);
  for (let i = 0; i < 40; i++) turn(early, 7);
  assert.equal(early.steps, 8);
  for (let i = 0; i < 40; i++) turn(early, 16);
  assert.equal(early.steps, 1);
});
