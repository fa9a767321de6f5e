/**
 * Which keys the prepared parts of transactions have locked: those that are to be written for anybody, those that were read
 * for whoever wants to write.
 * @module
 */

import { MAX_LOCKS, MAX_LOCKS_PER_ORIGIN, MAX_OPEN, MAX_OPEN_PER_ORIGIN } from "../../bounds.ts";
import { DataError } from "../../errors.ts";

/** A part that locks keys of one collection. */
export interface LockHolder {
  /** Of the part. */
  readonly id: string;
  readonly origin: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** The locks in one collection. */
export class KeyLocks {
  readonly #holders = new Map<string, LockHolder>();
  /** The part that is to write a key. */
  readonly #writers = new Map<string, string>();
  /** The parts that have read a key. */
  readonly #readers = new Map<string, Set<string>>();
  #keys = 0;

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#holders.size === 0;
  }

  /** Whether a key is about to be written, so that nobody knows whether what is there is still so. */
  isWritten(key: string): boolean {
    return this.#writers.has(key);
  }

  /** Whether anybody has to wait who wants to write a key. */
  isLocked(key: string): boolean {
    return this.#writers.has(key) || this.#readers.has(key);
  }

  /** Locks keys that are free. @throws DataError with code `Locked` where there are too many */
  lock(holder: LockHolder): void {
    const { origin, reads, writes } = holder;
    const own = [...this.#holders.values()].filter((other) => other.origin === origin);
    const keys = reads.length + writes.length;
    const ownKeys = own.reduce((sum, { reads, writes }) => sum + reads.length + writes.length, 0);
    if (
      own.length >= MAX_OPEN_PER_ORIGIN || this.#holders.size >= MAX_OPEN ||
      ownKeys + keys > MAX_LOCKS_PER_ORIGIN || this.#keys + keys > MAX_LOCKS
    ) {
      throw tooManyOpen(own.length);
    }
    this.restore(holder);
  }

  /** Locks what was locked before, however much that is. */
  restore(holder: LockHolder): void {
    const { id, reads, writes } = holder;
    this.#holders.set(id, holder);
    this.#keys += reads.length + writes.length;
    for (const key of writes) this.#writers.set(key, id);
    for (const key of reads) {
      const readers = this.#readers.get(key);
      if (readers === undefined) this.#readers.set(key, new Set([id]));
      else readers.add(id);
    }
  }

  /** Frees what a part has locked. @returns the keys, those that were read first */
  release(id: string): readonly string[] {
    const holder = this.#holders.get(id);
    if (holder === undefined) return [];
    this.#holders.delete(id);
    this.#keys -= holder.reads.length + holder.writes.length;
    for (const key of holder.writes) if (this.#writers.get(key) === id) this.#writers.delete(key);
    for (const key of holder.reads) {
      const readers = this.#readers.get(key);
      readers?.delete(id);
      if (readers?.size === 0) this.#readers.delete(key);
    }
    return [...holder.reads, ...holder.writes];
  }
}

/** @returns what says that more transactions are open than may be */
export function tooManyOpen(own: number): DataError {
  return new DataError("Locked", `Too many transactions are open here, ${own} of this node`);
}

/** The locks of all collections, made anew of what is stored where that has changed in another way. */
export class PlaceLocks {
  readonly #load: (place: string) => readonly LockHolder[];
  readonly #places = new Map<string, KeyLocks>();

  /** @param load reads the parts that are prepared at a place */
  constructor(load: (place: string) => readonly LockHolder[]) {
    this.#load = load;
  }

  of(place: string): KeyLocks {
    const there = this.#places.get(place);
    if (there !== undefined) return there;
    const locks = new KeyLocks();
    for (const holder of this.#load(place)) locks.restore(holder);
    this.#places.set(place, locks);
    return locks;
  }

  /** What is stored of a place, or of all, has changed. */
  forget(place?: string): void {
    if (place === undefined) this.#places.clear();
    else this.#places.delete(place);
  }
}
