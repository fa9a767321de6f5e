import assert from "node:assert/strict";
import {
  judge,
  mergeRuns,
  readFailed,
  readRepeatable,
  readSkipped,
  readSlowest,
  readTotals,
  type TestRun,
  THOROUGH_REASON,
} from "./test_report.ts";

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
    const verdict = judge({ output, code });
    assert.equal(verdict.lines.at(-1), last, name);
    assert.equal(verdict.exitCode, exitCode, name);
  }
});

const SIDE_BY_SIDE = [
  "./a_test.ts => one => two ... FAILED (21ms)",
  "./a_test.ts => steps ... inner ... FAILED (2ms)",
  "./a_test.ts => steps ... FAILED (due to 1 failed step) (6ms)",
  "./a_test.ts => good ... ok (98µs)",
  "./b.ts#3-6.ts => file:///src/b.ts#3-6.ts ... FAILED (979µs)",
  "",
  " ERRORS ",
  "",
  "./c_test.ts => quoted by an error ... FAILED (1ms)",
  "FAILED | 1 passed (1 step) | 3 failed (1 step) (186ms)",
].join("\n");

Deno.test("readFailed() names test and file, of files side by side and one by one", () => {
  const failed = [
    { file: "./a_test.ts", test: "one => two" },
    { file: "./a_test.ts", test: "steps" },
    { file: "./b.ts", test: "file:///src/b.ts#3-6.ts" },
  ];
  assert.deepEqual(readFailed(SIDE_BY_SIDE), failed);
  const oneByOne = [
    "running 2 tests from ./a_test.ts",
    "one => two ... FAILED (902µs)",
    "steps ...",
    "  inner ... FAILED (0ms)",
    "steps ... FAILED (due to 1 failed step) (1ms)",
    "running 1 test from ./b.ts#3-6.ts",
    "file:///src/b.ts#3-6.ts ... FAILED (1ms)",
  ].join("\n");
  assert.deepEqual(readFailed(oneByOne), failed);
});

Deno.test("readRepeatable() names each file once, and none when more than tests of a few files failed", () => {
  const failures = (files: number) =>
    Array.from({ length: files }, (_, i) => `./${i}_test.ts => x ... FAILED (1ms)\n`).join("") +
    `FAILED | 1 passed | ${files} failed (1s)`;
  assert.deepEqual(readRepeatable(SIDE_BY_SIDE).map(({ file }) => file), ["./a_test.ts", "./b.ts"]);
  assert.deepEqual(readRepeatable(SIDE_BY_SIDE).at(-1)?.options, [], "an example");
  assert.equal(readRepeatable(failures(8)).length, 8);
  assert.deepEqual(readRepeatable(failures(9)), [], "too many");
  assert.deepEqual(readRepeatable("ok | 3 passed | 0 failed (1s)"), [], "nothing failed");
  assert.deepEqual(readRepeatable("./a_test.ts => x ... FAILED (1ms)\nerror: boom"), [], "no summary");
  const uncaught = "Uncaught error from ./c_test.ts FAILED\n./a_test.ts => x ... FAILED (1ms)\n" +
    "FAILED | 1 passed | 2 failed (1s)";
  assert.deepEqual(readRepeatable(uncaught), [], "an error of no test");
});

Deno.test("readRepeatable() has a filter for the tests that failed, and no others", () => {
  const names = ["x() takes [a.b] (c|d) and 1+1, $ & # too", "y-z/w's `q`"];
  const output = names.map((name) => `./a_test.ts => ${name} ... FAILED (1ms)\n`).join("") +
    "FAILED | 1 passed | 2 failed (1s)";
  const [option, filter = ""] = readRepeatable(output)[0]?.options ?? [];
  assert.equal(option, "--filter");
  const pattern = new RegExp(filter.slice(1, -1));
  for (const name of names) {
    assert.match(name, pattern);
    assert.doesNotMatch(`${name} more`, pattern);
    assert.doesNotMatch(`more ${name}`, pattern);
  }
  assert.doesNotMatch("y-z/w's `r`", pattern);
});

Deno.test("judge() counts what is left for the thorough run, and lists the other reasons", () => {
  const output = `skipped: a: ${THOROUGH_REASON}\nskipped: b: needs root\nskipped: c: ${THOROUGH_REASON}\n` +
    "ok | 5 passed | 0 failed | 3 ignored (1s)";
  assert.deepEqual(judge({ output, code: 0 }), {
    lines: [
      "1 skipped:",
      "  b: needs root",
      "2 variants and long attacks are left out: `deno task test:thorough` runs them too",
      "5 passed, 0 failed",
    ],
    exitCode: 0,
  });
});

Deno.test("judge() makes a failure good when all of its file that failed passes, and names it", () => {
  const output = "./a_test.ts => x ... FAILED (1ms)\n./b_test.ts => y ... FAILED (1ms)\n" +
    "FAILED | 5 passed | 2 failed (1s)";
  const good = { output: "ok | 2 passed | 0 failed (1s)", code: 0 };
  const again = {
    output: "running 2 tests from ./b_test.ts\ny ... FAILED (1ms)\nFAILED | 1 passed | 1 failed (1s)",
    code: 1,
  };
  const other = {
    output: "running 2 tests from ./b_test.ts\nz ... FAILED (1ms)\nFAILED | 1 passed | 1 failed (1s)",
    code: 1,
  };
  const dead = { output: "error: boom", code: 1 };
  const cases: readonly (readonly [string, Record<string, TestRun>, string, 0 | 1])[] = [
    ["both", { "./a_test.ts": good, "./b_test.ts": good }, "7 passed, 0 failed", 0],
    ["one of them", { "./a_test.ts": good, "./b_test.ts": again }, "6 passed, 1 failed", 1],
    ["another test of the file", { "./a_test.ts": good, "./b_test.ts": other }, "5 passed, 2 failed", 1],
    ["a runner that died", { "./a_test.ts": good, "./b_test.ts": dead }, "6 passed, 1 failed", 1],
    [
      "a runner that ended badly",
      { "./a_test.ts": good, "./b_test.ts": { ...good, code: 1 } },
      "6 passed, 1 failed",
      1,
    ],
    ["not repeated", {}, "5 passed, 2 failed", 1],
  ];
  for (const [name, repeated, last, exitCode] of cases) {
    const verdict = judge({ output, code: 1 }, new Map(Object.entries(repeated)));
    assert.equal(verdict.lines.at(-1), last, name);
    assert.equal(verdict.exitCode, exitCode, name);
    const named = verdict.lines.filter((line) =>
      line.startsWith("failed at first, passed when repeated alone: ")
    );
    assert.equal(named.length, Object.values(repeated).filter((run) => run === good).length, name);
  }
});

Deno.test("mergeRuns() adds up what several processes ran, and keeps what each failed of", () => {
  const good = {
    output: "./a_test.ts => x ... ok (1s)\n\nok | 3 passed | 0 failed | 1 ignored (1s)\n",
    code: 0,
  };
  const bad = {
    output: "./b_test.ts => y ... FAILED (1s)\n\n ERRORS \n\n./z_test.ts => quoted ... FAILED (1ms)\n" +
      "FAILED | 4 passed | 1 failed (1s)\n",
    code: 1,
  };
  const merged = mergeRuns([bad, good]);
  assert.equal(merged.code, 1);
  assert.deepEqual(readTotals(merged.output), { passed: 7, failed: 1, ignored: 1 });
  assert.deepEqual(readFailed(merged.output), [{ file: "./b_test.ts", test: "y" }]);
  assert.deepEqual(readRepeatable(merged.output).map(({ file }) => file), ["./b_test.ts"]);
  assert.equal(mergeRuns([good, good]).code, 0);
});

Deno.test("mergeRuns() has no summary where one process failed for something else than its tests", () => {
  const good = { output: "ok | 3 passed | 0 failed (1s)\n", code: 0 };
  const cases: readonly (readonly [string, TestRun])[] = [
    ["killed", { output: "./a_test.ts => x ... ok (1s)\n", code: 137 }],
    ["a module that does not load", { output: "FAILED | 0 passed | 0 failed (1s)\n", code: 1 }],
    ["an error of no test", {
      output: "./a_test.ts => x ... FAILED (1s)\nFAILED | 0 passed | 2 failed (1s)",
      code: 1,
    }],
    ["a code without a failure", { output: "ok | 3 passed | 0 failed (1s)\n", code: 1 }],
  ];
  for (const [name, run] of cases) {
    for (const runs of [[good, run], [run, good]]) {
      const merged = mergeRuns(runs);
      assert.equal(readTotals(merged.output), undefined, name);
      assert.equal(judge(merged).exitCode, 1, name);
    }
  }
});
