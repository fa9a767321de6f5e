/**
 * How often each of many sources may make this node work.
 * @module
 */

import type { Millis } from "./clock.ts";

/** What each source is allowed. */
export interface KeyedRateLimiterOptions {
  /** At once, at least 1. */
  readonly burst: number;
  /** Milliseconds until one more is earned. */
  readonly everyMs: number;
  /** Sources that are remembered; the one that was heard longest ago gives way, and is as new when it comes again. */
  readonly maxSources: number;
}

/**
 * A bucket for each source that fills with time; whoever finds it empty is refused.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { millis } from "./clock.ts";
 * import { KeyedRateLimiter } from "./keyed_rate_limiter.ts";
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

  /** @returns whether `source` may be served now; that counts as one */
  allows(now: Millis, source: string): boolean {
    const { burst, everyMs, maxSources } = this.#options;
    const fullAt = Math.max(now, this.#fullAt.get(source) ?? now) + everyMs;
    if (fullAt - now > burst * everyMs) return false;
    this.#fullAt.delete(source);
    this.#fullAt.set(source, fullAt as Millis);
    if (this.#fullAt.size > maxSources) {
      const [oldest] = this.#fullAt.keys();
      if (oldest !== undefined) this.#fullAt.delete(oldest);
    }
    return true;
  }
}
