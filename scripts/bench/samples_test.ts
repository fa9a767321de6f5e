import assert from "node:assert/strict";
import { markdownTable, median } from "./samples.ts";

Deno.test("median() takes the middle of odd and even numbers of values", () => {
  const cases: readonly (readonly [number[], number])[] = [[[3], 3], [[9, 1, 5], 5], [[4, 1, 2, 10], 3], [
    [],
    NaN,
  ]];
  for (const [values, expected] of cases) assert.equal(median(values), expected);
});

Deno.test("markdownTable() shows medians, ranges and the ratio, and leaves out what was not measured", () => {
  const table = markdownTable("peer", [
    { what: "speed", weft: [1, 3, 2], peer: [4], unit: "Mbit/s", digits: 1 },
    { what: "join", weft: [5], peer: [], unit: "ms" },
  ]);
  assert.deepEqual(table.split("\n").slice(2), [
    "| speed | 2.0 Mbit/s (1.0 to 3.0) | 4.0 Mbit/s | 0.50 |",
    "| join | 5 ms |  |  |",
  ]);
});
