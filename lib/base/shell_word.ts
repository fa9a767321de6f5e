/**
 * Words of commands that a text tells somebody to type.
 * @module
 */

/** What a POSIX shell takes as it stands. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * @returns `text` as a shell reads it back as one word: within single quotes where it has other than plain characters
 * (POSIX.1-2024, Shell Command Language §2.2.2); what is not printable is for the one who shows it
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { shellWord } from "./shell_word.ts";
 * assert.equal(shellWord("/var/lib/weft"), "/var/lib/weft");
 * assert.equal(shellWord("$(reboot)'s"), `'$(reboot)'\\''s'`);
 * ```
 */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
