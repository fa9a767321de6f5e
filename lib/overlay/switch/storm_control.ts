/**
 * How much a port may have flooded, and how often the switch itself answers it.
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** What has a budget of its own at each port. */
export const BUDGET = { BROADCAST: 0, MULTICAST: 1, UNKNOWN: 2, ANSWERS: 3, ERRORS: 4 } as const;

/** One of `BUDGET`. */
export type BudgetKind = 0 | 1 | 2 | 3 | 4;

/** So many frames a second are flooded, of each kind, unless the network says otherwise. */
export const DEFAULT_STORM_LIMIT = 10_000;
/** ARP and ND; what goes beyond is flooded, so that whoever is asked answers. */
export const ANSWERS_PER_SECOND = 1_000;
/** ICMP for packets that are too long. */
export const ERRORS_PER_SECOND = 100;

const KINDS = 5;

/** Token buckets, of which each holds what is allowed in a second. */
export class PortBudgets {
  readonly #perSecond: Float64Array;
  readonly #tokens: Float64Array;
  readonly #filledAt: Float64Array = new Float64Array(KINDS);

  /** @param stormLimit frames of each kind that are flooded in a second */
  constructor(stormLimit: number) {
    this.#perSecond = Float64Array.of(
      stormLimit,
      stormLimit,
      stormLimit,
      ANSWERS_PER_SECOND,
      ERRORS_PER_SECOND,
    );
    this.#tokens = this.#perSecond.slice();
  }

  /** Changes how much is flooded; what has been saved above it is lost. */
  setStormLimit(perSecond: number): void {
    this.#perSecond.fill(perSecond, 0, BUDGET.ANSWERS);
  }

  /** @param frames how many frames a superpacket stands for @returns whether there is as much left, which is spent then */
  spend(now: Millis, kind: BudgetKind, frames: number): boolean {
    const perSecond = this.#perSecond[kind] ?? 0;
    const earned = (now - (this.#filledAt[kind] ?? 0)) * perSecond / 1000;
    const tokens = Math.min(perSecond, (this.#tokens[kind] ?? 0) + earned);
    this.#filledAt[kind] = now;
    // A superpacket of more frames than a second has takes all of it.
    const cost = Math.min(frames, perSecond);
    const isAllowed = tokens >= cost && perSecond > 0;
    this.#tokens[kind] = isAllowed ? tokens - cost : tokens;
    return isAllowed;
  }
}
