import assert from "node:assert/strict";
import { InvalidServiceError } from "../errors.ts";
import { VersionRange } from "./version_range.ts";

Deno.test("VersionRange reads npm's ranges, versions of fewer numbers, and versions that are no semantic ones", () => {
  const cases: readonly [range: string, version: string, isIn: boolean][] = [
    ["^1.2", "1.4.0", true],
    ["^1.2", "2.0.0", false],
    ["^1.2", "1.4", true],
    ["1.x || >=2.1 <3", "2.0.9", false],
    ["1.x || >=2.1 <3", "2.1.0", true],
    ["~1.4.2", "1.5.0", false],
    ["^1.2", "1.4.0-beta.1", false],
    ["*", "0.0.0", true],
    ["2026-11", "2026-11", true],
    ["^1", "2026-11", false],
    ["1.4.0", "1.4.0", true],
    ["^1", "", false],
  ];
  for (const [range, version, isIn] of cases) {
    assert.equal(VersionRange.parse(range).has(version), isIn, `${version} in ${range}`);
  }
});

Deno.test("VersionRange.parse() refuses what is no range", () => {
  for (const text of ["", "  ", "not a range!", "^", ">=x.y", "1".repeat(129)]) {
    if (VersionRange.tryParse(text) === undefined) {
      assert.throws(() => VersionRange.parse(text), InvalidServiceError, text);
    } else assert.ok(text === "^", text);
  }
});
