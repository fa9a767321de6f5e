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

/** What the run came to, in words and as an exit code. */
export interface Verdict {
  /** The lines that end the report; the last is exactly `N passed, N failed`. */
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/**
 * Judges a run: it fails when the runner failed, when a test failed, when nothing ran, when there is no
 * summary, and when a test was ignored without a reason.
 */
export function judge(output: string, runnerCode: number): Verdict {
  const totals = readTotals(output);
  const skipped = readSkipped(output);
  const { passed, failed, ignored } = totals ?? { passed: 0, failed: 0, ignored: 0 };
  const silent = Math.max(0, ignored - skipped.length);
  const lines: string[] = [];
  if (skipped.length > 0) lines.push(`${skipped.length} skipped:`, ...skipped.map((line) => `  ${line}`));
  if (silent > 0) lines.push(`${silent} ignored without a reason: print one, as labTest() does`);
  if (totals === undefined) lines.push(`the runner ended with code ${runnerCode} before its summary`);
  // A module that does not load fails the run, yet the runner may count no failed test.
  const failures = failed === 0 && (totals === undefined || runnerCode !== 0) ? 1 : failed;
  const good = failures === 0 && passed > 0 && silent === 0;
  lines.push(`${passed} passed, ${failures} failed`);
  return { lines, exitCode: good ? 0 : 1 };
}
