import assert from "node:assert/strict";
import { peerId } from "../ports.ts";
import { FairTurns } from "./fair_turns.ts";

Deno.test("FairTurns runs so many at a time, and of each peer one in turn", async () => {
  const turns = new FairTurns(2);
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const job = (name: string) => () => {
    started.push(name);
    return new Promise<string>((resolve) => ends.push(() => resolve(name)));
  };
  const jobs = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map((name) =>
    turns.run(peerId(name.slice(0, 1)), job(name))
  );
  assert.deepEqual(started, ["a1", "a2"]);
  for (let ended = 0; ended < jobs.length; ended++) {
    ends[ended]?.();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    assert.ok(started.length <= ended + 3);
  }
  assert.deepEqual(started, ["a1", "a2", "a3", "b1", "c1", "a4", "b2"]);
  assert.deepEqual(await Promise.all(jobs), ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]);
  await assert.rejects(turns.run(peerId("a"), () => Promise.reject(new RangeError("broken"))), RangeError);
  assert.equal(await turns.run(peerId("a"), () => Promise.resolve(1)), 1);
});
