import assert from "node:assert/strict";
import { nearest } from "./nearest.ts";

const names = ["status", "token", "peer", "doctor", "cleanup"];
const cases: readonly (readonly [string, string | undefined])[] = [
  ["status", "status"],
  ["STATUS", "status"],
  ["staus", "status"],
  ["stauts", "status"],
  ["pere", "peer"],
  ["pear", "peer"],
  ["clean-up", "cleanup"],
  ["banana", undefined],
  ["x", undefined],
  ["", undefined],
];
for (const [word, expected] of cases) {
  Deno.test(`nearest() finds ${expected} for "${word}"`, () => assert.equal(nearest(word, names), expected));
}
