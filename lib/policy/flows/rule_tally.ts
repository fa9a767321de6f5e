/**
 * What each rule has decided: packets, bytes and flows in one array.
 * @module
 */

import type { RuleNumber } from "../evaluate/mod.ts";
import type { RuleCounts } from "./packet_guard.ts";

const FIELDS = 3;

/** Counters of one program; the last record is that of no rule. */
export class RuleTally {
  readonly #sums: Float64Array;
  readonly #rules: number;

  constructor(rules: number) {
    this.#rules = rules;
    this.#sums = new Float64Array((rules + 1) * FIELDS);
  }

  /** Counts packets of one flow. */
  count(rule: RuleNumber, packets: number, bytes: number, flows: number): void {
    const at = (rule < 0 ? this.#rules : rule) * FIELDS;
    const sums = this.#sums;
    sums[at] = (sums[at] ?? 0) + packets;
    sums[at + 1] = (sums[at + 1] ?? 0) + bytes;
    sums[at + 2] = (sums[at + 2] ?? 0) + flows;
  }

  /** @returns those that have decided anything, by their numbers; `NO_RULE` too */
  snapshot(): ReadonlyMap<RuleNumber, RuleCounts> {
    const counts = new Map<RuleNumber, RuleCounts>();
    for (let rule = 0; rule <= this.#rules; rule++) {
      const [packets = 0, bytes = 0, flows = 0] = this.#sums.subarray(rule * FIELDS, (rule + 1) * FIELDS);
      if (packets > 0) counts.set(rule === this.#rules ? -1 : rule, { packets, bytes, flows });
    }
    return counts;
  }
}
