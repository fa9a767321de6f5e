import assert from "node:assert/strict";
import { harmless, paint } from "./terminal.ts";

Deno.test("harmless() shows what would work on a terminal, and leaves text, line ends and tabs", () => {
  assert.equal(harmless("plain, ünïcode\n\tand 表"), "plain, ünïcode\n\tand 表");
  assert.equal(harmless("\x1b[2J\x07\r"), "\\x1b[2J\\x07\\x0d");
  assert.equal(harmless("\x9b31m\x7f"), "\\x9b31m\\x7f");
});

Deno.test("harmless() and paint() show what would hide or turn the text around it", () => {
  assert.equal(harmless("a\u202eb\nc\u200bd"), "a\\u202eb\nc\\u200bd");
  const terminal = {
    out() {},
    err() {},
    hasColours: true,
    isInteractive: true,
    columns: 80,
  };
  assert.equal(paint(terminal, "strong", "a\nb\x1b[2J"), "\x1b[1ma\\x0ab\\x1b[2J\x1b[0m");
});
