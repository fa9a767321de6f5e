import assert from "node:assert/strict";
import { freeInterface } from "./interface_choice.ts";

Deno.test("freeInterface() is the first that is not there", () => {
  assert.equal(freeInterface(() => false), "weft0");
  assert.equal(freeInterface((name) => name === "weft0" || name === "weft1"), "weft2");
  assert.equal(freeInterface(() => true), undefined);
});
