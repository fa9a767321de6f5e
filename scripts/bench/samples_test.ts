import assert from "node:assert/strict";
import { markdownTable, median, Samples } from "./samples.ts";

Deno.test("median() takes the middle of odd and even numbers of values", () => {
  const cases: readonly (readonly [number[], number])[] = [[[3], 3], [[9, 1, 5], 5], [[4, 1, 2, 10], 3], [
    [],
    NaN,
  ]];
  for (const [values, expected] of cases) assert.equal(median(values), expected);
});

Deno.test("markdownTable() shows medians, ranges and ratios, and leaves out what was not measured", () => {
  const samples = new Samples(["ours", "theirs"]);
  for (const value of [1, 3, 2]) samples.add({ what: "speed", unit: "Mbit/s", digits: 1 }, "ours", value);
  samples.add({ what: "speed", unit: "Mbit/s", digits: 1 }, "theirs", 4);
  samples.add({ what: "join", unit: "ms" }, "ours", 5);
  assert.deepEqual(markdownTable(samples.table, [["ours", "theirs"]]).split("\n"), [
    "| median (lowest to highest) | ours | theirs | ours / theirs |",
    "| --- | --- | --- | --- |",
    "| speed | 2.0 Mbit/s (1.0 to 3.0) | 4.0 Mbit/s | 0.50 |",
    "| join | 5 ms |  |  |",
  ]);
});
