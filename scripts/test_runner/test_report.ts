/**
 * Reading what `deno test` prints.
 * @module
 */

/** The runner's own totals. */
export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** @returns the totals of the runner's last summary line, or undefined when there is none */
export function readTotals(output: string): TestTotals | undefined {
  const pattern =
    /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;
  const summary = output.split("\n").map((line) => pattern.exec(line)).findLast((match) => match !== null);
  if (summary === undefined || summary === null) return undefined;
  return { passed: Number(summary[1]), failed: Number(summary[2]), ignored: Number(summary[3] ?? 0) };
}

/** @returns what was skipped and why, `<test>: <reason>`, in alphabetical order, each once */
export function readSkipped(output: string): readonly string[] {
  const prefix = "skipped: ";
  const lines = output.split("\n").filter((line) => line.startsWith(prefix));
  return [...new Set(lines.map((line) => line.slice(prefix.length)))].sort();
}

/**
 * @returns how many of what was skipped is left for the thorough run, and the rest of it: `labTest()` says so where a
 * test needs `thorough`
 */
export function splitThorough(skipped: readonly string[]): { thorough: number; others: readonly string[] } {
  const others = skipped.filter((line) => !line.endsWith(`: ${THOROUGH_REASON}`));
  return { thorough: skipped.length - others.length, others };
}

/** The reason of a test that the gate leaves out. */
export const THOROUGH_REASON = "left for deno task test:thorough";

/** @returns the longest tests, `<milliseconds> <test>`, the longest first */
export function readSlowest(output: string, count: number): readonly { ms: number; test: string }[] {
  const units: Readonly<Record<string, number>> = { "µs": 0.001, ms: 1, s: 1_000, m: 60_000 };
  const tests: { ms: number; test: string }[] = [];
  for (const line of output.split("\n")) {
    const match = /^(\S+ => .*) \.\.\. (?:ok|FAILED)(?: \(due to .*\))? \(([^)]*)\)$/.exec(line);
    if (match === null) continue;
    const [, test = "", time = ""] = match;
    const parts = [...time.matchAll(/(\d+)(µs|ms|s|m)/g)];
    tests.push({
      ms: parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (units[unit] ?? 0), 0),
      test,
    });
  }
  return tests.sort((a, b) => b.ms - a.ms).slice(0, count);
}

/** A test that failed, and the file that has it: a path as the runner prints it, such as `./lib/x_test.ts`. */
export interface FailedTest {
  readonly file: string;
  readonly test: string;
}

/**
 * @returns the tests that failed, in the order of the output, whether files ran side by side (each line names
 * its file) or one by one (a header does). Where a test was registered says nothing: `labTest()` does it for all.
 */
export function readFailed(output: string): readonly FailedTest[] {
  const failed: FailedTest[] = [];
  let header = "";
  for (const line of output.split("\n")) {
    if (line === " ERRORS ") break;
    header = /^running \d+ tests? from (.+)$/.exec(line)?.[1] ?? header;
    const name = /^(\S.*?) \.\.\. FAILED(?: \(due to .*\))? \([^)]*\)$/.exec(line)?.[1];
    // A step fails its test, which has a line of its own.
    if (name === undefined || name.includes(" ... ")) continue;
    const [, place = header, test = name] = /^(\.\/\S+) => (.*)$/.exec(name) ?? [];
    // An example in the documentation is run with the file that it stands in.
    if (place !== "") failed.push({ file: place.replace(/#\d+-\d+\.\w+$/, ""), test });
  }
  return failed;
}

/** More files than this do not fail because the machine was busy. */
const MAX_REPEATED_FILES = 8;

/** What to run once more, alone. */
export interface RepeatableFile {
  readonly file: string;
  /** Options that leave out what has passed; none for examples in the documentation. */
  readonly options: readonly string[];
}

/**
 * @returns what to run once more: the tests that failed, by their file. None when they are of more than 8, and none
 * when something else than tests failed: a type, a module that does not load, an error of no test.
 */
export function readRepeatable(output: string): readonly RepeatableFile[] {
  const failed = readFailed(output);
  if (failed.length === 0 || readTotals(output)?.failed !== failed.length) return [];
  const files = [...Map.groupBy(failed, ({ file }) => file)];
  if (files.length > MAX_REPEATED_FILES) return [];
  return files.map(([file, tests]) => ({
    file,
    options: file.endsWith("_test.ts") ? ["--filter", exactly(tests.map(({ test }) => test))] : [],
  }));
}

/** @returns a regular expression, as the runner's filter takes it, of these names and no others */
function exactly(names: readonly string[]): string {
  const escaped = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|#&~-]/g, "\\$&"));
  return `/^(?:${escaped.join("|")})$/`;
}

/** What a runner printed, and the code it ended with. */
export interface TestRun {
  readonly output: string;
  readonly code: number;
}

/**
 * Makes one run of those of several processes.
 * @returns a run without a summary when one of them had none, or failed for something else than its tests
 */
export function mergeRuns(runs: readonly TestRun[]): TestRun {
  const sum = { passed: 0, failed: 0, ignored: 0 };
  let isExplained = true;
  const lines: string[] = [];
  for (const { output, code } of runs) {
    const totals = readTotals(output);
    const failed = readFailed(output).length;
    isExplained &&= totals !== undefined && totals.failed === failed && (code === 0) === (failed === 0);
    for (const name of ["passed", "failed", "ignored"] as const) sum[name] += totals?.[name] ?? 0;
    lines.push(output.split("\n ERRORS \n", 1)[0] ?? "");
  }
  const { passed, failed, ignored } = sum;
  const word = failed === 0 ? "ok" : "FAILED";
  // No test is quoted as one of these runs' own summary.
  const tests = lines.join("\n").replaceAll(/^(?=(?:ok|FAILED) \| )/gm, "one of them: ");
  return {
    output: isExplained
      ? `${tests}\n${word} | ${passed} passed | ${failed} failed | ${ignored} ignored (0s)\n`
      : tests,
    code: runs.some(({ code }) => code !== 0) ? 1 : 0,
  };
}

/** What the run came to, in words and as an exit code. */
export interface Verdict {
  /** The lines that end the report; the last is exactly `N passed, N failed`. */
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/**
 * Judges a run: it fails when the runner failed, when a test failed, when nothing ran, when there is no
 * summary, and when a test was ignored without a reason.
 *
 * @param repeated what came of each file that was run once more, by `FailedTest.file`; its failures are made
 * good when all of what was repeated passed, and the report names them all the same
 */
export function judge(run: TestRun, repeated: ReadonlyMap<string, TestRun> = new Map()): Verdict {
  const totals = readTotals(run.output);
  const skipped = readSkipped(run.output);
  const { passed, failed, ignored } = totals ?? { passed: 0, failed: 0, ignored: 0 };
  const silent = Math.max(0, ignored - skipped.length);
  const { recovered, broken } = compare(readFailed(run.output), repeated);
  const lines: string[] = [];
  const { thorough, others } = splitThorough(skipped);
  if (others.length > 0) lines.push(`${others.length} skipped:`, ...others.map((line) => `  ${line}`));
  if (thorough > 0) {
    lines.push(
      `${thorough} variants and long attacks are left out: \`deno task test:thorough\` runs them too`,
    );
  }
  if (silent > 0) lines.push(`${silent} ignored without a reason: print one, as labTest() does`);
  if (totals === undefined) lines.push(`the runner ended with code ${run.code} before its summary`);
  for (const { file, test } of broken) {
    lines.push(`passed at first, failed when repeated: ${file} => ${test}`);
  }
  for (const { file, test } of recovered) {
    lines.push(`failed at first, passed when repeated alone: ${file} => ${test}`);
  }
  const remaining = failed - recovered.length + broken.length;
  // A module that does not load fails the run, yet the runner may count no failed test.
  const unexplained = totals === undefined || (run.code !== 0 && recovered.length === 0);
  const failures = remaining === 0 && unexplained ? 1 : remaining;
  const passes = passed + recovered.length - broken.length;
  const good = failures === 0 && passes > 0 && silent === 0;
  lines.push(`${passes} passed, ${failures} failed`);
  return { lines, exitCode: good ? 0 : 1 };
}

/** @returns the failures that are made good, and what only failed when it was repeated */
function compare(
  failed: readonly FailedTest[],
  repeated: ReadonlyMap<string, TestRun>,
): { recovered: readonly FailedTest[]; broken: readonly FailedTest[] } {
  const names = new Set(failed.map(({ file, test }) => `${file} => ${test}`));
  const count = Map.groupBy(failed, ({ file }) => file);
  const good = new Set(
    [...repeated].filter(([file, run]) => passedEntirely(run, count.get(file)?.length ?? 0)).map(([file]) =>
      file
    ),
  );
  return {
    recovered: failed.filter(({ file }) => good.has(file)),
    broken: [...repeated.values()].flatMap((run) => readFailed(run.output))
      .filter(({ file, test }) => !names.has(`${file} => ${test}`)),
  };
}

/** @param atLeast how many tests had failed: a filter that matches fewer proves nothing of the others */
function passedEntirely({ output, code }: TestRun, atLeast: number): boolean {
  const totals = readTotals(output);
  return code === 0 && totals !== undefined && totals.failed === 0 && totals.passed >= Math.max(1, atLeast);
}
