/**
 * How much a port may have flooded.
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** What is flooded, each with a budget of its own. */
export const STORM = { BROADCAST: 0, MULTICAST: 1, UNKNOWN: 2 } as const;

/** One of `STORM`. */
export type StormKind = 0 | 1 | 2;

/** So many frames a second, of each kind, unless the network says otherwise. */
export const DEFAULT_STORM_LIMIT = 10_000;

/** Three token buckets, of which each holds what is allowed in a second. */
export class StormControl {
  #perSecond: number;
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array = new Float64Array(3);

  /** @param perSecond frames of each kind, and as many at once */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = new Float64Array(3).fill(perSecond);
  }

  /** Sets the limit; what has been saved above it is lost. */
  setLimit(perSecond: number): void {
    this.#perSecond = perSecond;
  }

  /** @param frames how many frames a superpacket stands for @returns whether they may be flooded */
  spend(now: Millis, kind: StormKind, frames: number): boolean {
    const earned = (now - (this.#filledAt[kind] ?? 0)) * this.#perSecond / 1000;
    const tokens = Math.min(this.#perSecond, (this.#tokens[kind] ?? 0) + earned);
    this.#filledAt[kind] = now;
    const isAllowed = tokens >= frames;
    this.#tokens[kind] = isAllowed ? tokens - frames : tokens;
    return isAllowed;
  }
}
