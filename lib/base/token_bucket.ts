/**
 * How fast somebody may make this node work.
 * @module
 */

import type { Clock, Millis } from "./clock.ts";

/** How much may be spent. */
export interface TokenBucketLimits {
  /** What may be spent at once. */
  readonly burst: number;
  /** What is earned again. */
  readonly perSecond: number;
}

/** An account that fills with time; whoever overdraws it waits, so that nothing is lost. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #limits: TokenBucketLimits;
  #balance: number;
  #countedAt: Millis;

  constructor(clock: Clock, limits: TokenBucketLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#balance = limits.burst;
    this.#countedAt = clock.now();
  }

  /** @returns how many milliseconds to wait before the next work; 0 while there is something left */
  spend(cost: number): number {
    const { burst, perSecond } = this.#limits;
    const now = this.#clock.now();
    const earned = (now - this.#countedAt) * perSecond / 1000;
    this.#countedAt = now;
    this.#balance = Math.min(burst, this.#balance + earned) - cost;
    return this.#balance >= 0 ? 0 : -this.#balance * 1000 / perSecond;
  }
}
