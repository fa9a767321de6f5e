/**
 * Which datagrams of the path protocol are worth handing on: those with an id that somebody here waits for, and not too
 * many of them. A flood of others costs a look at a table for each.
 * @module
 */

import { Counters, type Millis } from "../../base/mod.ts";
import { isPathDatagram, LEAST_PATH_BYTES, MOST_PATH_BYTES, PATH_ID_AT } from "../../net/mod.ts";

/** All together: a thousand paths that are asked twice a second. */
const TOTAL_PER_SECOND = 2000;
/** With one id: a member that answers too often costs others nothing. */
const PER_SECOND = 100;

/** Why one goes no further: nobody waits for it, or there are too many. */
export const PROBE_DROPS = ["foreign-probe", "probe-flood"] as const;

/** One of `PROBE_DROPS`. */
export type ProbeDrop = typeof PROBE_DROPS[number];

/** Ids of datagrams that are waited for from now on, or not any more: 16 hexadecimal digits each. */
export interface ProbeIdChange {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** So many more may come; a second earns the whole again. */
class Allowance {
  readonly #perSecond: number;
  #left: number;
  #countedAt = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = this.#left = perSecond;
  }

  take(now: Millis): boolean {
    const earned = Math.max(0, now - this.#countedAt) * this.#perSecond / 1000;
    this.#left = Math.min(this.#perSecond, this.#left + earned);
    this.#countedAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** @throws RangeError when `datagram` is none of the path protocol */
export function checkProbe(datagram: Uint8Array): void {
  if (isPathDatagram(datagram, 0, datagram.length)) return;
  throw new RangeError(
    `Cannot send ${datagram.length} bytes as a probe: it has ${LEAST_PATH_BYTES} to ${MOST_PATH_BYTES} and begins with 0x77`,
  );
}

/** @throws RangeError when an id is not 16 hexadecimal digits */
export function checkProbeIds({ add = [], remove = [] }: ProbeIdChange): void {
  for (const id of [...add, ...remove]) {
    if (!/^[0-9a-f]{16}$/i.test(id)) throw new RangeError(`Cannot wait for probe ${id}: an id has 16 digits`);
  }
}

/** Belongs to one plane. */
export class ProbeGate {
  readonly counters: Counters<ProbeDrop> = new Counters<ProbeDrop>(PROBE_DROPS);
  /** By the two halves of their ids, as numbers: a lookup makes no text. */
  readonly #expected = new Map<number, Map<number, Allowance>>();
  readonly #total = new Allowance(TOTAL_PER_SECOND);

  /** Takes ids that `checkProbeIds` has seen. */
  change({ add = [], remove = [] }: ProbeIdChange): void {
    for (const id of add) {
      const [high, low] = halves(id);
      const lows = this.#expected.get(high) ?? new Map<number, Allowance>();
      this.#expected.set(high, lows);
      if (!lows.has(low)) lows.set(low, new Allowance(PER_SECOND));
    }
    for (const id of remove) {
      const [high, low] = halves(id);
      const lows = this.#expected.get(high);
      lows?.delete(low);
      if (lows?.size === 0) this.#expected.delete(high);
    }
  }

  /**
   * @param memory where a datagram that `isProbe` stands, from `at` on
   * @returns whether to hand it on; counted when not
   */
  admits(now: Millis, memory: Uint8Array, at: number): boolean {
    const lows = this.#expected.get(readWord(memory, at + PATH_ID_AT));
    const allowance = lows?.get(readWord(memory, at + PATH_ID_AT + 4));
    if (allowance === undefined) this.counters.count("foreign-probe");
    else if (!allowance.take(now) || !this.#total.take(now)) this.counters.count("probe-flood");
    else return true;
    return false;
  }
}

function halves(id: string): readonly [high: number, low: number] {
  return [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8), 16)];
}

/** Big-endian, as the text has it. */
function readWord(memory: Uint8Array, at: number): number {
  return (((memory[at] ?? 0) << 24) | ((memory[at + 1] ?? 0) << 16) | ((memory[at + 2] ?? 0) << 8) |
    (memory[at + 3] ?? 0)) >>> 0;
}
