/**
 * The pauses before a call is tried again.
 * @module
 */

import { randomFraction, type RandomSource } from "../../base/mod.ts";

/** The first pause, in milliseconds. */
export const FIRST_BACKOFF_MS = 50;
/** The longest one. */
export const MAX_BACKOFF_MS = 2_000;

/** Each pause is twice as long as the one before, and half of it less or more, so that callers do not come together. */
export class RetryBackoff {
  #nextMs = FIRST_BACKOFF_MS;

  /** @returns how long to wait, in milliseconds */
  nextMs(random: RandomSource): number {
    const waitMs = this.#nextMs * (0.5 + randomFraction(random));
    this.#nextMs = Math.min(2 * this.#nextMs, MAX_BACKOFF_MS);
    return waitMs;
  }
}
