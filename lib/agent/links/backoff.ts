/**
 * How long to wait before trying again.
 * @module
 */

import { randomFraction, type RandomSource } from "../../base/mod.ts";

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/** Exponential backoff with jitter: doubles from 500 ms to 30 s, each delay drawn from its upper half. */
export class Backoff {
  readonly #random: RandomSource;
  #ceilingMs = FIRST_DELAY_MS;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** @returns milliseconds to wait before the next attempt */
  nextDelayMs(): number {
    const delayMs = this.#ceilingMs * (0.5 + randomFraction(this.#random) / 2);
    this.#ceilingMs = Math.min(MAX_DELAY_MS, this.#ceilingMs * 2);
    return delayMs;
  }

  /** Starts over after a success. */
  reset(): void {
    this.#ceilingMs = FIRST_DELAY_MS;
  }
}
