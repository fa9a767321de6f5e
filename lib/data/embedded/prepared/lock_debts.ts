/**
 * For how long parts of transactions have kept keys locked for nothing: a node whose parts do so again and again pauses.
 *
 * ```
 *   what a node owes for a key:  + how long its part had that locked, when it ends
 *                                - a quarter of the time that passes, divided by how many nodes owe for that key
 * ```
 *
 * So nodes that end nothing have a key locked for a quarter of the time in the long run, however many of them there are,
 * and a node that owes nothing for it never waits for their debts. It is kept in memory: a restart, or the next owner of a
 * shard, forgives it.
 *
 * @module
 */

import { LOCK_DEBT_PAID, MAX_LOCK_DEBT_MS, MAX_LOCK_DEBTS, MAX_LOCK_DEBTS_PER_ORIGIN } from "../../bounds.ts";
import { DataError } from "../../errors.ts";

/** A part that was committed owes for what is longer than this alone, in milliseconds. */
export const FREE_COMMIT_MS = 2_000;
/** Of so many parts it is known since when they have locked keys; the oldest are forgiven. */
const MAX_BEGUN = 65_536;
/** How often all debts are looked at for those that are paid, where there are too many, in milliseconds. */
const SWEEP_EACH_MS = 1_000;
/** What a node owes for, beside keys, once it owes for too many of them: all of a place. No key is empty. */
const WHOLE_PLACE = "";

/** A part whose keys were locked. */
export interface EndedPart {
  readonly id: string;
  readonly place: string;
  readonly origin: string;
  readonly keys: readonly string[];
  readonly isCommitted: boolean;
}

interface Owed {
  at: number;
  /** In milliseconds, by the node. */
  readonly byOrigin: Map<string, number>;
}

/** The debts at one engine. */
export class LockDebts {
  readonly #now: () => number;
  readonly #begun = new Map<string, number>();
  readonly #owed = new Map<string, Owed>();
  /** How many debts each node has. */
  readonly #counts = new Map<string, number>();
  #count = 0;
  #sweptAt = -Infinity;

  /** @param now milliseconds of a clock that does not jump */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A part has locked its keys. */
  begin(id: string): void {
    this.#begun.set(id, this.#now());
    if (this.#begun.size <= MAX_BEGUN) return;
    for (const oldest of this.#begun.keys()) return void this.#begun.delete(oldest);
  }

  /** A part was not prepared after all. */
  forget(id: string): void {
    this.#begun.delete(id);
  }

  /** A part locks its keys no more. */
  end({ id, place, origin, keys, isCommitted }: EndedPart): void {
    const now = this.#now();
    const begun = this.#begun.get(id);
    this.#begun.delete(id);
    const heldMs = begun === undefined ? 0 : now - begun - (isCommitted ? FREE_COMMIT_MS : 0);
    if (heldMs <= 0) return;
    let isWhole = false;
    for (const key of new Set(keys)) isWhole = !this.#add(place, key, origin, heldMs, now) || isWhole;
    if (isWhole) this.#add(place, WHOLE_PLACE, origin, heldMs, now);
  }

  /** @throws DataError with code `Locked` where a node has kept one of these keys from others for too long */
  check(place: string, origin: string, keys: readonly string[], now: number = this.#now()): void {
    const key = this.pausedFor(place, origin, keys, now);
    if (key === undefined) return;
    const what = key === WHOLE_PLACE ? "keys" : JSON.stringify(key);
    throw new DataError("Locked", `Transactions of this node have locked ${what} for too long, for nothing`, {
      hint: "Try again in some seconds.",
    });
  }

  /** @returns the first of these keys that a node may not lock now; an empty text when that is so of the whole place */
  pausedFor(
    place: string,
    origin: string,
    keys: readonly string[],
    now: number = this.#now(),
  ): string | undefined {
    if (!this.#counts.has(origin)) return undefined;
    return [WHOLE_PLACE, ...keys].find((key) => this.#debtOf(place, key, origin, now) > MAX_LOCK_DEBT_MS);
  }

  #debtOf(place: string, key: string, origin: string, now: number): number {
    return this.#paid(nameOf(place, key), now)?.byOrigin.get(origin) ?? 0;
  }

  /** @returns whether there was room for it */
  #add(place: string, key: string, origin: string, ms: number, now: number): boolean {
    const name = nameOf(place, key);
    const there = this.#paid(name, now)?.byOrigin.get(origin);
    if (there === undefined && key !== WHOLE_PLACE && !this.#hasRoom(origin, now)) return false;
    const owed = this.#owed.get(name) ?? { at: now, byOrigin: new Map() };
    this.#owed.set(name, owed);
    owed.byOrigin.set(origin, (there ?? 0) + ms);
    if (there === undefined) this.#counted(origin, 1);
    return true;
  }

  #hasRoom(origin: string, now: number): boolean {
    const isFull = () =>
      this.#count >= MAX_LOCK_DEBTS || (this.#counts.get(origin) ?? 0) >= MAX_LOCK_DEBTS_PER_ORIGIN;
    if (isFull() && now - this.#sweptAt >= SWEEP_EACH_MS) {
      this.#sweptAt = now;
      for (const name of [...this.#owed.keys()]) this.#paid(name, now);
    }
    return !isFull();
  }

  /** @returns what is owed for a key after what was paid by now; undefined for nothing */
  #paid(name: string, now: number): Owed | undefined {
    const owed = this.#owed.get(name);
    if (owed === undefined) return undefined;
    const { byOrigin } = owed;
    const paid = Math.max(0, now - owed.at) * LOCK_DEBT_PAID / byOrigin.size;
    owed.at = now;
    for (const [origin, ms] of byOrigin) {
      if (ms > paid) byOrigin.set(origin, ms - paid);
      else {
        byOrigin.delete(origin);
        this.#counted(origin, -1);
      }
    }
    if (byOrigin.size > 0) return owed;
    this.#owed.delete(name);
    return undefined;
  }

  #counted(origin: string, by: 1 | -1): void {
    this.#count += by;
    const count = (this.#counts.get(origin) ?? 0) + by;
    if (count === 0) this.#counts.delete(origin);
    else this.#counts.set(origin, count);
  }
}

function nameOf(place: string, key: string): string {
  return `${place}\0${key}`;
}
