/**
 * How a request is refused, and failures as JSON.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** What was asked for makes no sense; the message names the field. */
export class InvalidRequestError extends WeftError {
  readonly code = "InvalidRequest";
}

/** The body of every answer that is no success, and the last line of a stream that breaks. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** @returns what may be told of a failure: all of a WeftError, nothing of what is the agent's own fault */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof WeftError)) {
    return { code: "Internal", message: "The agent could not answer", hint: "Its log says more." };
  }
  const { code, message, hint } = error;
  return hint === undefined ? { code, message } : { code, message, hint };
}
