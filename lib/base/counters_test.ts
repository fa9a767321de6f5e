import assert from "node:assert/strict";
import { Counters } from "./counters.ts";

Deno.test("Counters shows the zeros and counts each reason by itself", () => {
  const counters = new Counters(["too-short", "replayed", "__proto__"]);
  assert.equal(counters.get("replayed"), 0);
  counters.count("replayed");
  counters.count("replayed");
  counters.count("__proto__");
  assert.deepEqual(Object.entries(counters.snapshot()), [["too-short", 0], ["replayed", 2], [
    "__proto__",
    1,
  ]]);
});

Deno.test("Counters.snapshot() is a copy", () => {
  const counters = new Counters(["a"]);
  const before = counters.snapshot();
  counters.count("a");
  assert.equal(before.a, 0);
  before.a = 7;
  assert.equal(counters.get("a"), 1);
});
