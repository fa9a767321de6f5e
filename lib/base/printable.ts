/**
 * Text of somebody else, as it may be taken in and shown: what a person can't see, or what changes how the text around
 * it is seen, is no part of a name and never reaches a terminal as it is.
 * @module
 */

/**
 * Controls, line and paragraph separators, halves of surrogate pairs; what is invisible or turns the direction of writing
 * (UAX #9, Default_Ignorable_Code_Point of UAX #44) other than the selectors of a glyph's variant; and of marks on one
 * letter those after the third, which would grow over the lines above.
 */
const UNPRINTABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\ufe00-\ufe0f])[\p{Cf}\p{Default_Ignorable_Code_Point}]|(?<=\p{M}{3})\p{M}/u;
const ALL_UNPRINTABLE = new RegExp(UNPRINTABLE, "gu");

/** Whether a text is one line that is shown as what it is. The empty text is. */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/**
 * @returns one line, in which what is not printable stands as its code: `\x1b`, `\u202e`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { showUnprintable } from "./printable.ts";
 * assert.equal(showUnprintable("1.0\n\u202Egnp"), "1.0\\x0a\\u202egnp");
 * ```
 */
export function showUnprintable(text: string): string {
  return text.replace(ALL_UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** @returns a value as JSON of printable characters alone, which says the same; line ends only where `indent` asks for them */
export function printableJson(value: unknown, indent?: number): string {
  // Outside of its texts JSON has no other characters than printable ones and line ends.
  const text = JSON.stringify(value, undefined, indent) ?? "null";
  return text.replace(ALL_UNPRINTABLE, (character) => {
    if (character === "\n") return character;
    let escaped = "";
    for (let at = 0; at < character.length; at++) {
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

/** What a POSIX shell takes as it stands. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * @returns `text` as a shell reads it back as one word: within single quotes where it has other than plain characters
 * (POSIX.1-2024, Shell Command Language §2.2.2); what is not printable is for the one who shows it
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { shellWord } from "./printable.ts";
 * assert.equal(shellWord("/var/lib/weft"), "/var/lib/weft");
 * assert.equal(shellWord("$(reboot)'s"), `'$(reboot)'\\''s'`);
 * ```
 */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
