/**
 * How weft says no: one line that names what and which, one `hint:` line, exit code 1 or 2.
 * @module
 */

import assert from "node:assert/strict";
import type { Finished } from "./captured_process.ts";

/**
 * Asserts that a program refused in the form that users are promised.
 * @param expected.says what the line must contain
 */
export function assertRefusal(
  finished: Finished,
  expected: { readonly code: 1 | 2; readonly says: RegExp },
): void {
  const what = `code ${finished.code}, stderr:\n${finished.stderr}\nstdout:\n${finished.stdout}`;
  assert.equal(finished.code, expected.code, what);
  const lines = finished.stderr.split("\n").filter((line) => line.trim() !== "");
  assert.equal(lines.length, 2, `one line and its hint are expected; ${what}`);
  const [line = "", hint = ""] = lines;
  assert.match(line, expected.says, what);
  assert.match(hint, /^\s*hint: \S/, what);
  assert.doesNotMatch(line, /^\s*at |\.ts:\d|Uncaught|undefined/, what);
}
