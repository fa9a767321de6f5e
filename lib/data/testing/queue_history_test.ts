import assert from "node:assert/strict";
import { type QueueHistory, whyNotKept } from "./queue_history.ts";

const pushed = (id: string, number: number | undefined, orderKey?: string) => ({ id, number, orderKey });
const done = (id: string, revision: number, count = 1) => ({ id, revision, count });
const NOTHING: QueueHistory = { pushes: [], begun: [], effects: [], returned: [], dead: [], left: [] };

const CASES: readonly (readonly [string, Partial<QueueHistory>, RegExp | undefined])[] = [
  ["one is done", { pushes: [pushed("a", 1)], begun: ["a"], effects: [done("a", 1)] }, undefined],
  ["one is dead", { pushes: [pushed("a", 1)], begun: ["a"], dead: ["a"] }, undefined],
  ["one was never answered", { pushes: [pushed("a", undefined)] }, undefined],
  ["one came again", { pushes: [pushed("a", 1)], begun: ["a", "a"], effects: [done("a", 2)] }, undefined],
  ["one that only returns came twice", {
    pushes: [pushed("r1", 1)],
    begun: ["r1", "r1"],
    returned: ["r1", "r1"],
  }, undefined],
  ["one was lost", { pushes: [pushed("a", 1)], begun: ["a"] }, /lost/],
  ["one that only returns was lost", { pushes: [pushed("r1", 1)] }, /lost/],
  ["nobody pushed it", { begun: ["a"] }, /nobody pushed/],
  ["one was written twice", { pushes: [pushed("a", 1)], effects: [done("a", 1, 2)] }, /2 times/],
  ["one was done, and is dead", { pushes: [pushed("a", 1)], effects: [done("a", 1)], dead: ["a"] }, /still/],
  ["two of a key in their order", {
    pushes: [pushed("a", 1, "k"), pushed("b", 2, "k")],
    effects: [done("a", 1), done("b", 2)],
  }, undefined],
  ["two of a key in another order", {
    pushes: [pushed("a", 1, "k"), pushed("b", 2, "k")],
    effects: [done("a", 2), done("b", 1)],
  }, /before/],
  ["two of two keys in any order", {
    pushes: [pushed("a", 1, "k"), pushed("b", 2, "l")],
    effects: [done("a", 2), done("b", 1)],
  }, undefined],
];

for (const [name, history, says] of CASES) {
  Deno.test(`whyNotKept(): ${name}`, () => {
    const wrong = whyNotKept({ ...NOTHING, ...history }, (id) => !id.startsWith("r"));
    if (says === undefined) assert.equal(wrong, undefined);
    else assert.match(wrong ?? "nothing", says);
  });
}
