/**
 * Counting by reason: what is dropped is counted, never logged a packet at a time.
 * @module
 */

/** One counter for each of a fixed set of reasons. */
export class Counters<Reason extends string> {
  readonly #counts: Map<Reason, number>;

  /** @param reasons every name that may be counted, so that readers see the zeros too */
  constructor(reasons: readonly Reason[]) {
    this.#counts = new Map(reasons.map((reason) => [reason, 0]));
  }

  /** Adds one to `reason`, or as many as `times` says. */
  count(reason: Reason, times: number = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + times);
  }

  /** @returns how often `reason` was counted */
  get(reason: Reason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** @returns a copy of all counters, zeros included */
  snapshot(): Record<Reason, number> {
    return Object.fromEntries(this.#counts) as Record<Reason, number>;
  }
}
