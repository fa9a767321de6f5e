import assert from "node:assert/strict";
import { zoneOf } from "./zone.ts";

Deno.test({
  name: "zoneOf() knows interfaces by name, and numbers as they are",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    // Every namespace's first.
    assert.equal(zoneOf("lo"), 1);
    assert.equal(zoneOf("7"), 7);
    for (const none of ["", "0", "07", "-1", "1e3", "no-such-one", "9999999999"]) {
      assert.equal(zoneOf(none), undefined, JSON.stringify(none));
    }
  },
});
