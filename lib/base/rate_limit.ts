/**
 * Token buckets: one that delays whoever overdraws it, and one for each of many sources that refuses them.
 * @module
 */

import { RateMeter } from "./rate_meter.ts";
import type { Clock, Millis } from "./time.ts";

/** How much may be spent, in a unit that the caller chooses: bytes, messages, microseconds of work. */
export interface TokenBucketLimits {
  /** What may be spent at once; a bucket begins with it and never holds more. */
  readonly burst: number;
  /** What is earned again in a second. */
  readonly perSecond: number;
}

/**
 * A token bucket that may be overdrawn: nothing is refused, but whoever has spent too much is told how long to wait.
 * For streams, whose other end can be made to wait; use `KeyedRateLimiter` for what can be dropped.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualClock } from "./time.ts";
 * import { TokenBucket } from "./rate_limit.ts";
 * const clock = new VirtualClock();
 * const bucket = new TokenBucket(clock, { burst: 10, perSecond: 2 });
 * assert.equal(bucket.spend(9), 0);
 * assert.equal(bucket.spend(2), 500); // overdrawn by 1, which takes half a second to earn
 * clock.advance(500);
 * assert.equal(bucket.spend(0), 0);
 * ```
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #meter: RateMeter;

  /** `burst` is at least 0, `perSecond` more than 0. */
  constructor(clock: Clock, { burst, perSecond }: TokenBucketLimits) {
    this.#clock = clock;
    this.#meter = new RateMeter(perSecond, burst);
  }

  /**
   * Spends `cost`, whether or not there is as much left.
   * @returns how many milliseconds to wait before the next work; 0 while the bucket is not overdrawn
   */
  spend(cost: number): number {
    const now = this.#clock.now();
    this.#meter.take(now, cost);
    return this.#meter.waitMs(now, 0);
  }
}

/** What each source is allowed. */
export interface KeyedRateLimiterOptions {
  /** How often at once, at least 1. */
  readonly burst: number;
  /** Milliseconds until one more is earned, more than 0. */
  readonly everyMs: number;
  /** Sources that are remembered; the one that was heard longest ago gives way, and is as new when it comes again. */
  readonly maxSources: number;
}

// So much too early is in time: the sum of as many steps as a burst has is rounded, and may come out above the burst.
const ROUNDING_MS = 0.001;

/**
 * A token bucket for each source, which refuses whoever has emptied theirs. It holds one number a source, the time at
 * which its bucket is full again (the generic cell rate algorithm, ITU-T I.371), so that no timer refills anything.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { millis } from "./time.ts";
 * import { KeyedRateLimiter } from "./rate_limit.ts";
 * const limiter = new KeyedRateLimiter({ burst: 2, everyMs: 100, maxSources: 10 });
 * const asked = [0, 0, 0, 100].map((at) => limiter.allows(millis(at), "192.0.2.1"));
 * assert.deepEqual(asked, [true, true, false, true]);
 * ```
 */
export class KeyedRateLimiter {
  readonly #options: KeyedRateLimiterOptions;
  /** When each source will have earned its whole burst again; the order is that in which they were heard. */
  readonly #fullAt = new Map<string, Millis>();

  constructor(options: KeyedRateLimiterOptions) {
    this.#options = options;
  }

  /** @returns whether `source` may be served now; that counts as one. What is refused costs its source nothing */
  allows(now: Millis, source: string): boolean {
    const { burst, everyMs, maxSources } = this.#options;
    const fullAt = Math.max(now, this.#fullAt.get(source) ?? now) + everyMs;
    if (fullAt - now > burst * everyMs + ROUNDING_MS) return false;
    this.#fullAt.delete(source);
    this.#fullAt.set(source, fullAt as Millis);
    if (this.#fullAt.size > maxSources) {
      const [oldest] = this.#fullAt.keys();
      if (oldest !== undefined) this.#fullAt.delete(oldest);
    }
    return true;
  }

  /** @returns whether `source` would be served now; that counts as nothing */
  wouldAllow(now: Millis, source: string): boolean {
    const { burst, everyMs } = this.#options;
    return (this.#fullAt.get(source) ?? now) + everyMs - now <= burst * everyMs + ROUNDING_MS;
  }
}
