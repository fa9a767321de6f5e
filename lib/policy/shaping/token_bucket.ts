/**
 * A token bucket: so much at once, and so much a second (RFC 2697 has the terms).
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** Tokens are bytes, or packets. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: Millis;

  /** @param perSecond above 0; a burst of less than 1 is 1; it is full at first */
  constructor(now: Millis, perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** Whether it is as it was made, so that it need not be remembered. */
  isFull(now: Millis): boolean {
    this.#fill(now);
    return this.#tokens >= this.#burst;
  }

  /**
   * How long until so much may pass. What is more than the burst passes when the bucket is full, and is paid back afterwards:
   * a superpacket is not cut for a bucket.
   * @returns milliseconds; 0 for now
   */
  waitMs(now: Millis, cost: number): number {
    this.#fill(now);
    const missing = Math.min(cost, this.#burst) - this.#tokens;
    return missing <= 0 ? 0 : missing / this.#perMs;
  }

  /** Takes what passes; to be called when it may. */
  take(cost: number): void {
    this.#tokens -= cost;
  }

  #fill(now: Millis): void {
    // A clock that was set back gives nothing.
    const elapsedMs = Math.max(0, now - this.#at);
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
  }
}
