/**
 * The arithmetic of every token bucket: so much at once, and so much a second (RFC 2697 has the terms).
 * @module
 */

import type { Millis } from "./time.ts";

/**
 * A token bucket that is told the time, full at first. It makes nothing for a call, so that it may stand before each
 * packet. Tokens are bytes, packets, or whatever else a cost is given in. What it says to a cost that is not there is
 * the caller's: to drop it (`tryTake`), to ask several meters before taking of any (`has`, `take`), or to wait (`waitMs`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { RateMeter } from "./rate_meter.ts";
 * import { millis } from "./time.ts";
 * const meter = new RateMeter(100, 2);
 * const allowed = [0, 0, 0, 10].map((at) => meter.tryTake(millis(at), 1));
 * assert.deepEqual(allowed, [true, true, false, true]);
 * ```
 */
export class RateMeter {
  readonly #perMs: number;
  readonly #burst: number;
  /** Below 0 when more was taken than there was. */
  #tokens: number;
  #countedAt = -Infinity;

  /**
   * @param perSecond tokens that are earned, 0 or more; Infinity for no bound
   * @param burst tokens that it holds at most, 0 or more
   */
  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = this.#tokens = perSecond === Infinity ? Infinity : burst;
  }

  /** @returns whether so much is there; nothing is taken */
  has(now: Millis, cost: number): boolean {
    this.#earn(now);
    return this.#tokens >= cost;
  }

  /** Takes what is there, or is owed from then on. */
  take(now: Millis, cost: number): void {
    this.#earn(now);
    this.#tokens -= cost;
  }

  /** @returns whether so much was there and is taken; what is refused costs nothing */
  tryTake(now: Millis, cost: number): boolean {
    if (!this.has(now, cost)) return false;
    this.#tokens -= cost;
    return true;
  }

  /**
   * How long until so much may be taken. What is more than the burst may be when the meter is full, and is owed
   * afterwards: a superpacket is not cut for a meter.
   * @returns milliseconds; 0 for now
   */
  waitMs(now: Millis, cost: number): number {
    this.#earn(now);
    const missing = Math.min(cost, this.#burst) - this.#tokens;
    return missing <= 0 ? 0 : missing / this.#perMs;
  }

  /** @returns whether it is as it was made, so that it need not be remembered */
  isFull(now: Millis): boolean {
    this.#earn(now);
    return this.#tokens >= this.#burst;
  }

  #earn(now: Millis): void {
    // After a clock was set back, only time that was never counted earns.
    if (now <= this.#countedAt) return;
    // It is not a number when nothing is earned in all the time before the first call.
    const earned = (now - this.#countedAt) * this.#perMs;
    if (earned > 0) this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#countedAt = now;
  }
}
