import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import { DataError } from "../errors.ts";
import { ReadBarrier } from "./read_barrier.ts";

/** A barrier whose questions the test answers. */
function barrierOf() {
  const timers = new VirtualTimers(new VirtualClock());
  const questions: (PromiseWithResolvers<number> & { readonly reached: number })[] = [];
  const barrier = new ReadBarrier(timers, (reached) => {
    const question = { ...Promise.withResolvers<number>(), reached };
    questions.push(question);
    return question.promise;
  });
  const passed: string[] = [];
  const pass = (name: string) =>
    barrier.pass().then(
      () => passed.push(name),
      (error) => passed.push(`${name}: ${error instanceof DataError ? error.code : error}`),
    );
  return { barrier, timers, questions, passed, pass };
}

Deno.test("ReadBarrier lets nobody pass by a question that was asked before", async () => {
  const { barrier, questions, passed, pass } = barrierOf();
  barrier.reach(7);
  void pass("one");
  void pass("two");
  void pass("three");
  void pass("four");
  assert.deepEqual(questions.map(({ reached }) => reached), [7, 7]);
  questions[1]?.resolve(7);
  await settle();
  assert.deepEqual(passed, ["two"]);
  // Those who came while two were under way share the next one.
  assert.equal(questions.length, 3);
  questions[0]?.resolve(7);
  await settle();
  assert.deepEqual(passed, ["two", "one"]);
  questions[2]?.resolve(7);
  await settle();
  assert.deepEqual(passed, ["two", "one", "three", "four"]);
});

Deno.test("ReadBarrier waits for the copy, and holds up no question meanwhile", async () => {
  const { barrier, questions, passed, pass } = barrierOf();
  void pass("one");
  void pass("two");
  void pass("three");
  questions[0]?.resolve(3);
  questions[1]?.resolve(2);
  await settle();
  assert.deepEqual(passed, []);
  assert.equal(questions.length, 3);
  questions[2]?.resolve(4);
  barrier.reach(2);
  await settle();
  assert.deepEqual(passed, ["two"]);
  barrier.reach(4);
  await settle();
  assert.deepEqual(passed, ["two", "one", "three"]);
});

Deno.test("ReadBarrier fails whom a question was for, and asks again for others", async () => {
  const { timers, questions, passed, pass } = barrierOf();
  void pass("one");
  void pass("two");
  void pass("three");
  questions[0]?.reject(new DataError("OwnerAway", "away"));
  await settle();
  assert.deepEqual(passed, ["one: OwnerAway"]);
  questions[2]?.resolve(0);
  await settle();
  assert.deepEqual(passed, ["one: OwnerAway", "three"]);
  timers.advance(5_000);
  await settle();
  assert.deepEqual(passed, ["one: OwnerAway", "three", "two: OwnerAway"]);
});

Deno.test("ReadBarrier lets nobody wait for longer than two questions that are not answered", async () => {
  const { timers, questions, passed, pass } = barrierOf();
  for (const name of ["one", "two", "three"]) void pass(name);
  timers.advance(5_000);
  await settle();
  assert.deepEqual(passed, ["one: OwnerAway", "two: OwnerAway"]);
  assert.equal(questions.length, 3);
  timers.advance(5_000);
  await settle();
  assert.deepEqual(passed, ["one: OwnerAway", "two: OwnerAway", "three: OwnerAway"]);
});
