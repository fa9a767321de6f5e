import assert from "node:assert/strict";
import { judge, readSkipped, readSlowest, readTotals } from "./test_report.ts";

Deno.test("readTotals() reads every form of the runner's summary", () => {
  const cases: readonly (readonly [string, ReturnType<typeof readTotals>])[] = [
    ["ok | 1 passed | 0 failed (11ms)", { passed: 1, failed: 0, ignored: 0 }],
    ["ok | 12 passed (34 steps) | 0 failed | 3 ignored (5s)", { passed: 12, failed: 0, ignored: 3 }],
    ["FAILED | 2 passed (1 step) | 1 failed (2 steps) | 4 ignored (1m3s)", {
      passed: 2,
      failed: 1,
      ignored: 4,
    }],
    ["ok | 1 passed | 0 failed (1s)\nFAILED | 5 passed | 6 failed (2s)\n", {
      passed: 5,
      failed: 6,
      ignored: 0,
    }],
    ["ok | 0 passed | 0 failed | 7 filtered out (1ms)", { passed: 0, failed: 0, ignored: 0 }],
    ["error: Uncaught", undefined],
    ["", undefined],
  ];
  for (const [output, expected] of cases) assert.deepEqual(readTotals(output), expected, output);
});

Deno.test("readSkipped() gathers each reason once", () => {
  const output = "x\nskipped: b: needs root\n-- skipped: no\nskipped: a: needs wg\nskipped: b: needs root\n";
  assert.deepEqual(readSkipped(output), ["a: needs wg", "b: needs root"]);
});

Deno.test("readSlowest() puts the longest first", () => {
  const output = [
    "./a_test.ts => one ... ok (7ms)",
    "./a_test.ts => two ... ok (1m2s)",
    "./a_test.ts => three ... FAILED (3s)",
    "./a_test.ts => four ... ignored (0ms)",
    "./a_test.ts => five ... ok (2µs)",
  ].join("\n");
  assert.deepEqual(readSlowest(output, 2), [
    { ms: 62_000, test: "./a_test.ts => two" },
    { ms: 3_000, test: "./a_test.ts => three" },
  ]);
});

Deno.test("judge() ends with the count alone on its line, and fails whenever something is not right", () => {
  const cases:
    readonly (readonly [name: string, output: string, code: number, last: string, exitCode: number])[] = [
      ["good", "ok | 3 passed | 0 failed (1s)", 0, "3 passed, 0 failed", 0],
      ["a failure", "FAILED | 3 passed | 1 failed (1s)", 1, "3 passed, 1 failed", 1],
      ["nothing ran", "ok | 0 passed | 0 failed (1s)", 0, "0 passed, 0 failed", 1],
      ["no summary", "error: boom", 1, "0 passed, 1 failed", 1],
      ["a module that did not load", "FAILED | 3 passed | 0 failed (1s)", 1, "3 passed, 1 failed", 1],
      ["a silent skip", "ok | 3 passed | 0 failed | 1 ignored (1s)", 0, "3 passed, 0 failed", 1],
      [
        "a skip with a reason",
        "skipped: a: b\nok | 3 passed | 0 failed | 1 ignored (1s)",
        0,
        "3 passed, 0 failed",
        0,
      ],
    ];
  for (const [name, output, code, last, exitCode] of cases) {
    const verdict = judge(output, code);
    assert.equal(verdict.lines.at(-1), last, name);
    assert.equal(verdict.exitCode, exitCode, name);
  }
});
