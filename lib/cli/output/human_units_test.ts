import assert from "node:assert/strict";
import { formatBytes, formatRemaining, formatRtt, formatSpan, parseDurationMs } from "./human_units.ts";

const durations: readonly (readonly [string, number | undefined])[] = [
  ["1s", 1000],
  ["250ms", 250],
  ["1h30m", 5_400_000],
  ["7d", 604_800_000],
  ["1w", 604_800_000],
  ["0s", undefined],
  ["", undefined],
  ["10", undefined],
  ["-1s", undefined],
  ["1.5h", undefined],
  ["1 s", undefined],
  ["1y", undefined],
];
for (const [text, expected] of durations) {
  Deno.test(`parseDurationMs() reads "${text}" as ${expected}`, () =>
    assert.equal(parseDurationMs(text), expected));
}

Deno.test("spans, amounts and round trips are short", () => {
  const ms = [[0, "0 s"], [59_999, "59 s"], [60_000, "1 min"], [7_200_000, "2 h"], [7_500_000, "2 h 5 min"], [
    349_200_000,
    "4 d 1 h",
  ], [-5, "0 s"]];
  for (const [span, text] of ms) assert.equal(formatSpan(Number(span)), text);
  const left = [[59_999, "59 s"], [599_000, "10 min"], [86_398_000, "1 d"]];
  for (const [span, text] of left) assert.equal(formatRemaining(Number(span)), text);
  const bytes = [[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [9_949, "9.9 kB"], [9_951, "10 kB"], [
    999_600,
    "1.0 MB",
  ], [3.2e10, "32 GB"]];
  for (const [count, text] of bytes) assert.equal(formatBytes(Number(count)), text);
  assert.equal(formatRtt(0.4251), "0.43 ms");
  assert.equal(formatRtt(12.6), "13 ms");
});
