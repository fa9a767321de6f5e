import assert from "node:assert/strict";
import { harmless } from "./terminal.ts";

Deno.test("harmless() shows what would work on a terminal, and leaves text, line ends and tabs", () => {
  assert.equal(harmless("plain, ünïcode\n\tand 表"), "plain, ünïcode\n\tand 表");
  assert.equal(harmless("\x1b[2J\x07\r"), "\\x1b[2J\\x07\\x0d");
  assert.equal(harmless("\x9b31m\x7f"), "\\x9b31m\\x7f");
});
