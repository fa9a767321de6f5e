/**
 * How much one source may ask.
 * @module
 */

import type { Millis } from "../base/mod.ts";

/** Sources beyond this many share their buckets: strangers choose their addresses. */
const MAX_SOURCES = 4096;

/**
 * A token bucket for each source: it fills at `perSecond` and holds as much as one second brings.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { QueryLimiter } from "./query_limiter.ts";
 * import { millis } from "../base/mod.ts";
 * const limiter = new QueryLimiter(2);
 * const taken = [1, 2, 3].map(() => limiter.take(millis(0), "192.0.2.1"));
 * assert.deepEqual(taken, [true, true, false]);
 * assert.ok(limiter.take(millis(500), "192.0.2.1"));
 * ```
 */
export class QueryLimiter {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { tokens: number; at: Millis }>();

  /** @param perSecond how many queries one source may send in a second; Infinity for any number */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** @returns whether one more query of this source is to be answered */
  take(now: Millis, source: string): boolean {
    if (this.#perSecond === Infinity) return true;
    let bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_SOURCES) this.#forgetFull(now);
      bucket = { tokens: this.#perSecond, at: now };
      this.#buckets.set(source, bucket);
    }
    bucket.tokens = this.#filled(bucket, now);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #filled({ tokens, at }: { readonly tokens: number; readonly at: Millis }, now: Millis): number {
    return Math.min(this.#perSecond, tokens + ((now - at) * this.#perSecond) / 1000);
  }

  /** A full bucket is as good as none; when all are in use, all start anew. */
  #forgetFull(now: Millis): void {
    for (const [source, bucket] of this.#buckets) {
      if (this.#filled(bucket, now) >= this.#perSecond) this.#buckets.delete(source);
    }
    if (this.#buckets.size >= MAX_SOURCES) this.#buckets.clear();
  }
}
