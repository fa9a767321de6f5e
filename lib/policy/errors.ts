/**
 * What can be wrong with a policy.
 * @module
 */

import { WeftError } from "../base/mod.ts";

const SHOWN_CHARACTERS = 80;

/** A text that is no selector; the message says what is wrong and where. */
export class InvalidSelectorError extends WeftError {
  readonly code = "InvalidSelector";
  /** Where in the text it stops making sense: 0 for the first character, its length for the end. */
  readonly position: number;

  /** @param problem what is wrong, in a few words */
  constructor(text: string, problem: string, position: number, hint: string) {
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
    const where = position >= text.length ? "at the end" : `at character ${position + 1}`;
    super(`Cannot read ${JSON.stringify(shown)} as a selector: ${problem}, ${where}`, { hint });
    this.position = position;
  }
}
