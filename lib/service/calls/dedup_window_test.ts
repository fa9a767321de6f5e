import assert from "node:assert/strict";
import fc from "fast-check";
import { DedupWindow, MAX_ANSWERS } from "./dedup_window.ts";

const NOTHING = new Uint8Array(0);
const answerOf = (number: number, length: number) => Uint8Array.from({ length }, (_, i) => number * 31 + i);

Deno.test("DedupWindow lets each number run once, whatever comes in whatever order", () => {
  const number = fc.oneof(
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 6, max: 16 }).map((i) => 2 ** i),
    fc.integer({ min: 1, max: 3 * MAX_ANSWERS }),
  );
  const step = fc.record({
    number,
    isFinished: fc.boolean(),
    length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.constant(9_000)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = new DedupWindow();
      const lengths = new Map<number, number>();
      const running = new Set<number>();
      for (const { number, isFinished, length } of steps) {
        const seen = window.begin(number);
        if (running.has(number)) assert.equal(seen.kind, "running");
        else if (lengths.has(number)) {
          assert.ok(seen.kind === "answered" || seen.kind === "forgotten", seen.kind);
          if (seen.kind === "answered") {
            assert.deepEqual(seen.answer, answerOf(number, lengths.get(number) ?? 0));
          }
        } else {
          assert.equal(seen.kind, "new", `${number} has never begun`);
          running.add(number);
        }
        if (isFinished && running.delete(number)) {
          window.finish(number, answerOf(number, length));
          lengths.set(number, length);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("DedupWindow keeps the last answers, and refuses what is older than those it forgot", () => {
  const window = new DedupWindow();
  const count = 3 * MAX_ANSWERS;
  for (let number = 1; number <= count; number++) {
    assert.equal(window.begin(number).kind, "new");
    window.finish(number, answerOf(number, 20));
  }
  for (let number = 1; number <= count; number++) {
    const seen = window.begin(number);
    if (number <= count - MAX_ANSWERS) assert.equal(seen.kind, "forgotten", String(number));
    else assert.deepEqual(seen, { kind: "answered", answer: answerOf(number, 20) });
  }
});

Deno.test("DedupWindow forgets long answers before many", () => {
  const window = new DedupWindow();
  for (let number = 1; number <= 200; number++) {
    window.begin(number);
    window.finish(number, answerOf(number, 16_000));
  }
  assert.equal(window.begin(1).kind, "forgotten");
  assert.deepEqual(window.begin(200), { kind: "answered", answer: answerOf(200, 16_000) });
});

Deno.test("DedupWindow runs again what was released", () => {
  const window = new DedupWindow();
  assert.equal(window.begin(5).kind, "new");
  window.release(5);
  assert.equal(window.begin(5).kind, "new");
  assert.equal(window.begin(5).kind, "running");
});

Deno.test("DedupWindow.shrink() gives its room back, and nothing runs twice after it", () => {
  const window = new DedupWindow();
  const small = window.memoryBytes;
  for (let number = 1; number <= 5_000; number++) {
    if (number === 77) continue;
    assert.equal(window.begin(number).kind, "new");
    window.finish(number, new Uint8Array(300));
  }
  window.begin(5_001);
  assert.ok(window.memoryBytes > 1 << 20);
  window.shrink();
  assert.ok(window.memoryBytes <= small + 1_024, "one page is left of which numbers have ended");
  assert.equal(window.begin(77).kind, "new", "it was never seen");
  const kinds = [1, 4_999, 5_000, 5_001, 5_002].map((number) => window.begin(number).kind);
  assert.deepEqual(kinds, ["forgotten", "forgotten", "forgotten", "running", "new"]);
  assert.equal(window.begin(900).kind, "forgotten");
  window.finish(5_001, new Uint8Array(1));
  assert.equal(window.begin(5_001).kind, "answered");
});

Deno.test("DedupWindow runs a number that comes after a million later ones, and none below those that it forgot", () => {
  const window = new DedupWindow();
  const answer = new Uint8Array(1);
  const late = 2;
  window.begin(1);
  window.finish(1, answer);
  window.begin(3);
  window.release(3);
  const count = 1_000_000;
  for (let number = 10; number <= count; number++) {
    window.begin(number);
    window.finish(number, answer);
  }
  assert.equal(window.begin(late).kind, "new");
  window.finish(late, NOTHING);
  assert.deepEqual([window.begin(1).kind, window.begin(late).kind], ["forgotten", "forgotten"]);
  for (let number = count + 1; number <= count + 100_000; number++) {
    window.begin(number);
    window.finish(number, answer);
  }
  assert.ok(window.memoryBytes < 2 << 20);
  const kinds = [1, late, 4].map((number) => window.begin(number).kind);
  assert.deepEqual(kinds, ["forgotten", "forgotten", "forgotten"]);
  assert.equal(window.begin(3).kind, "new", "it has announced itself, and never began");
  window.finish(3, NOTHING);
  assert.equal(window.begin(3).kind, "forgotten");
});

Deno.test("DedupWindow is bounded, whatever numbers its caller draws", () => {
  const window = new DedupWindow();
  for (let i = 1; i <= 20_000; i++) {
    const number = (i * 7_919 * 65_537) % Number.MAX_SAFE_INTEGER;
    if (window.begin(number).kind === "new") window.finish(number, NOTHING);
    window.begin(number + 1);
    window.release(number + 1);
  }
  assert.ok(window.memoryBytes < 512 * 1_024, String(window.memoryBytes));
});
