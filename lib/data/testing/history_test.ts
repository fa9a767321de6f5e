import assert from "node:assert/strict";
import { type KeptChange, type Operation, whyNotLinearizable } from "./history.ts";

const write = (begin: number, end: number, value: unknown, revision: number | undefined): Operation => ({
  ...{ key: "a", kind: "write", begin, end, value, revision },
});
const read = (begin: number, end: number, value: unknown, revision: number): Operation => ({
  ...{ key: "a", kind: "read", begin, end, value, revision },
});
const kept = (...values: unknown[]): KeptChange[] =>
  values.map((value, i) => ({ key: "a", revision: i + 1, value }));

const CASES: readonly (readonly [string, readonly Operation[], readonly KeptChange[], RegExp | undefined])[] =
  [
    [
      "one after the other",
      [write(0, 1, 1, 1), read(2, 3, 1, 1), write(4, 5, 2, 2), read(6, 7, 2, 2)],
      kept(1, 2),
      undefined,
    ],
    [
      "a read of what was replaced",
      [write(0, 1, 1, 1), write(2, 3, 2, 2), read(4, 5, 1, 1)],
      kept(1, 2),
      /answered before/,
    ],
    [
      "a read beside a write",
      [write(0, 1, 1, 1), write(2, 9, 2, 2), read(4, 5, 1, 1)],
      kept(1, 2),
      undefined,
    ],
    [
      "a read that goes back",
      [write(0, 9, 1, 1), write(0, 9, 2, 2), read(2, 3, 2, 2), read(4, 5, 1, 1)],
      kept(1, 2),
      /before/,
    ],
    ["a write that was lost", [write(0, 1, 1, 1), write(2, 3, 2, 2)], kept(1), /not kept/],
    [
      "a write that was never answered, and came late",
      [write(0, Infinity, 1, undefined), write(2, 3, 2, 1)],
      [
        { key: "a", revision: 1, value: 2 },
        { key: "a", revision: 2, value: 1 },
      ],
      undefined,
    ],
    ["a write that came twice", [write(0, 1, 1, 1), write(2, 3, 2, 2)], kept(1, 2, 1), /written by nobody/],
    [
      "nothing, after it was written",
      [write(0, 1, 1, 1), read(2, 3, undefined, 0)],
      kept(1),
      /found nothing/,
    ],
    [
      "nothing, after it was deleted",
      [write(0, 1, 1, 1), write(2, 3, undefined, 2), read(4, 5, undefined, 0)],
      kept(1, undefined),
      undefined,
    ],
    ["what nobody wrote", [write(0, 1, 1, 1), read(2, 3, 7, 1)], kept(1), /nobody wrote/],
  ];

for (const [name, history, changes, says] of CASES) {
  Deno.test(`whyNotLinearizable(): ${name}`, () => {
    const wrong = whyNotLinearizable(history, changes);
    if (says === undefined) assert.equal(wrong, undefined);
    else assert.match(wrong ?? "nothing", says);
  });
}
