/**
 * What is counted of one action, on one side of its calls.
 * @module
 */

import { LatencyHistogram, type LatencySnapshot, type RecentLatency } from "./latency_histogram.ts";

/** Of one action since the start. */
export interface CallTotals extends LatencySnapshot {
  /** How many ended so: by the code of the failure, `OK` for what went well. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Of one action as a person looks at it. */
export interface ActionFigures extends RecentLatency {
  /** Since the start. */
  readonly calls: number;
  /** Since the start: how many of them have failed. */
  readonly errors: number;
}

/** Of codes that handlers have made up, those that come later are counted together. */
const MAX_OWN_CODES = 8;
const OWN_CODE = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const OTHER_CODES = "other";

/** Counts the calls of one action. */
export class ActionCounters {
  readonly #latency: LatencyHistogram;
  readonly #failures = new Map<string, number>();
  readonly #isKnown: (code: string) => boolean;
  #ownCodes = 0;

  /** @param isKnown whether a code is one of the protocol's own */
  constructor(now: number, isKnown: (code: string) => boolean) {
    this.#latency = new LatencyHistogram(now);
    this.#isKnown = isKnown;
  }

  /**
   * Counts a call that has ended; a stream that has begun has.
   * @param code of its failure; undefined when it went well
   */
  record(now: number, tookMs: number, code: string | undefined): void {
    this.#latency.record(now, tookMs, code !== undefined);
    if (code !== undefined) this.#countFailure(code);
  }

  totals(): CallTotals {
    const latency = this.#latency.snapshot();
    const failed = Object.fromEntries(this.#failures);
    return { ...latency, outcomes: { OK: latency.count - this.#errors(), ...failed } };
  }

  figures(now: number): ActionFigures {
    const recent = this.#latency.recent(now);
    return { calls: this.#latency.snapshot().count, errors: this.#errors(), ...recent };
  }

  #errors(): number {
    let errors = 0;
    for (const count of this.#failures.values()) errors += count;
    return errors;
  }

  #countFailure(said: string): void {
    let code = said;
    if (!this.#failures.has(code) && !this.#isKnown(code)) {
      if (this.#ownCodes < MAX_OWN_CODES && OWN_CODE.test(code) && code !== "OK") this.#ownCodes++;
      else code = OTHER_CODES;
    }
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }
}
