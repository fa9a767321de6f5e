/**
 * How a request is refused, and failures as JSON.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** What was asked for makes no sense; the message names the field. */
export class InvalidRequestError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidRequest";
}

/** The body of every answer that is no success, and the last line of a stream that breaks. */
export interface Problem {
  /** The failure's stable name. */
  readonly code: string;
  /** What was wrong, in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly hint?: string;
}

/**
 * A failure as it may be told.
 * @returns what may be told of a failure: all of a WeftError, nothing of what is the agent's own fault
 */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof WeftError)) {
    return { code: "Internal", message: "The agent could not answer", hint: "Its log says more." };
  }
  const { code, message, hint } = error;
  return hint === undefined ? { code, message } : { code, message, hint };
}
