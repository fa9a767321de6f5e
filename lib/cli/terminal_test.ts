import assert from "node:assert/strict";
import { harmless, OutputClosedError, OutputFailedError, paint, steady, writeOut } from "./terminal.ts";

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

Deno.test("writeOut() says that nobody reads any more, and why it can't write", () => {
  const failing = (error: Error) => ({
    writeSync: () => {
      throw error;
    },
  });
  const [gone, full] = [
    failing(new Deno.errors.BrokenPipe("Broken pipe (os error 32)")),
    failing(new Error("No space left on device (os error 28)")),
  ];
  assert.throws(() => writeOut(gone, "text"), OutputClosedError);
  assert.throws(() => writeOut(full, "text"), (error) => {
    assert(error instanceof OutputFailedError && error.hint !== undefined);
    assert.equal(error.message, "Cannot write the output: No space left on device");
    return true;
  });
  const terminal = {
    out: (text: string) => writeOut(text === "gone" ? gone : full, text),
    err() {},
    hasColours: true,
    isInteractive: false,
    columns: undefined,
  };
  steady(terminal).out("gone");
  steady(terminal).out("full");
  assert.equal(steady(terminal).hasColours, true);
});
