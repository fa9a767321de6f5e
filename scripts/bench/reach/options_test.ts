import assert from "node:assert/strict";
import { ATTACHMENT_KINDS } from "../../../tests/lab/mod.ts";
import { allPairs, parseOptions } from "./options.ts";
import { JOURNEYS } from "./journeys.ts";

Deno.test("parseOptions() takes pairs of kinds", () => {
  const options = parseOptions([
    "--pairs",
    "open:double-nat,ipv6-only:open",
    "--roaming",
    "none",
    "--json",
    "x",
  ]);
  assert.deepEqual(options.pairs, [["open", "double-nat"], ["ipv6-only", "open"]]);
  assert.deepEqual(options.journeys, []);
  assert.equal(options.json, "x");
  assert.deepEqual(parseOptions([]).journeys, JOURNEYS);
});

Deno.test("parseOptions() takes journeys", () => {
  const { journeys } = parseOptions(["--roaming", "open:double-nat:ipv6-only"]);
  assert.deepEqual(journeys, [{ from: "open", to: "double-nat", partner: "ipv6-only" }]);
  assert.throws(() => parseOptions(["--roaming", "open:double-nat"]), /a journey is FROM:TO:PARTNER/);
});

Deno.test("parseOptions() rejects what is no pair of kinds", () => {
  for (const text of ["open", "open:open:open", "open:nowhere", ""]) {
    assert.throws(() => parseOptions(["--pairs", text]), /a pair is KIND:KIND/, text);
  }
  assert.throws(() => parseOptions(["--round"]), TypeError);
});

Deno.test("allPairs() has each kind with itself and each other once", () => {
  const count = ATTACHMENT_KINDS.length;
  assert.equal(new Set(allPairs().map((pair) => pair.toSorted().join())).size, count * (count + 1) / 2);
});
