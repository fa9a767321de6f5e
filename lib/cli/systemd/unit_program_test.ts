import assert from "node:assert/strict";
import { checkoutOf } from "./unit_program.ts";

Deno.test("checkoutOf() finds the checkout of its sources and of a bundle of them", () => {
  for (
    const url of [
      "file:///opt/we%20ft/lib/cli/systemd/unit_program.ts",
      "file:///opt/we%20ft/.deno/2.9.6/program-1-2/chunk-ABC.js",
      "file:///opt/we%20ft/.deno/2.9.6/program-1-2/lib/chunk-ABC.js",
    ]
  ) assert.equal(checkoutOf(url), "/opt/we ft", url);
});
