import assert from "node:assert/strict";
import fc from "fast-check";
import { DedupWindow, MAX_ANSWER_BYTES, MAX_ANSWERS } from "./dedup_window.ts";

const answerOf = (number: number, length = 1 + number % 300) => new Uint8Array(length).fill(number);

Deno.test("DedupWindow lets each number run once, and gives its answer again", () => {
  const window = new DedupWindow();
  assert.equal(window.begin(1).kind, "new");
  assert.equal(window.begin(1).kind, "running");
  window.finish(1, Uint8Array.of(7, 8));
  assert.deepEqual(window.begin(1), { kind: "answered", answer: Uint8Array.of(7, 8) });
  assert.equal(window.begin(2).kind, "new");
  window.release(2);
  assert.equal(window.begin(2).kind, "new");
  window.finish(2, new Uint8Array(0));
  assert.equal(window.begin(2).kind, "forgotten");
});

Deno.test("DedupWindow keeps the last answers, and forgets those before them without running them again", () => {
  const window = new DedupWindow();
  const last = 3 * MAX_ANSWERS;
  for (let number = 1; number <= last; number++) {
    assert.equal(window.begin(number).kind, "new");
    window.finish(number, answerOf(number, 40));
  }
  for (let number = 1; number <= last; number++) {
    const seen = window.begin(number);
    if (number > last - MAX_ANSWERS) {
      assert.deepEqual(seen, { kind: "answered", answer: answerOf(number, 40) });
    } else assert.equal(seen.kind, "forgotten");
  }
  const large = new Uint8Array(16_000);
  for (let i = 1; i <= 100; i++) window.finish(last + i, large);
  const kept = Array.from({ length: 100 }, (_, i) => window.begin(last + 1 + i).kind === "answered");
  const count = kept.filter(Boolean).length;
  assert.ok(count * large.length <= MAX_ANSWER_BYTES && count >= 60, String(count));
  assert.ok(kept.at(-1) && !kept[0]);
});

Deno.test("DedupWindow never lets a number run that was answered, in whatever order numbers come", () => {
  const numbers = fc.array(fc.nat({ max: 3 * MAX_ANSWERS }).map((n) => n + 1), { maxLength: 400 });
  fc.assert(fc.property(numbers, (order) => {
    const window = new DedupWindow();
    const answered = new Set<number>();
    for (const number of order) {
      const seen = window.begin(number);
      if (seen.kind === "answered") assert.deepEqual(seen.answer, answerOf(number));
      if (answered.has(number)) assert.notEqual(seen.kind, "new");
      if (seen.kind !== "new") continue;
      window.finish(number, answerOf(number));
      answered.add(number);
    }
  }));
});
