/**
 * Entries of the audit log in one collection of the store, so many of them.
 * @module
 */

import { StateError, type StateStore, utf8Bytes } from "../../base/mod.ts";

const NUMBER_DIGITS = 12;
/** So many that are too old go with each that is written. */
const MAX_EXPIRED = 16;

/** Entries by number; the one of the lowest number goes first. */
export class AuditEntries<Entry extends { readonly at: number }> {
  readonly #store: StateStore;
  readonly #collection: string;
  readonly #max: number;
  /** Those that the store holds, growing. */
  readonly #numbers: Set<number>;

  constructor(store: StateStore, collection: string, max: number) {
    this.#store = store;
    this.#collection = collection;
    this.#max = max;
    this.#numbers = new Set(store.entries(collection).map(([key]) => Number(key)).sort((a, b) => a - b));
  }

  /** The highest number; 0 when there is none. */
  get last(): number {
    return [...this.#numbers].at(-1) ?? 0;
  }

  /** Writes an entry of a higher number than all others, and forgets what is too much. */
  put(number: number, entry: Entry): void {
    this.#store.put(this.#collection, keyOf(number), utf8Bytes(JSON.stringify(entry)));
    this.#numbers.add(number);
    while (this.#numbers.size > this.#max) this.#forgetFirst();
  }

  /** Forgets some that are older than that, but for the last one. */
  forgetBefore(oldest: number): void {
    for (let i = 0; i < MAX_EXPIRED && this.#numbers.size > 1; i++) {
      const [first = 0] = this.#numbers;
      const entry = this.get(first);
      if (entry !== undefined && entry.at >= oldest) break;
      this.#forgetFirst();
    }
  }

  /** @returns the numbers above this one, growing */
  after(number: number): Iterable<number> {
    return this.#numbers.values().filter((each) => each > number);
  }

  /** @throws StateError when it is damaged */
  get(number: number): Entry | undefined {
    const bytes = this.#numbers.has(number) ? this.#store.get(this.#collection, keyOf(number)) : undefined;
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new StateError(`Cannot read entry ${number} of the audit log from the state: it is damaged`, {
        cause,
      });
    }
  }

  #forgetFirst(): void {
    const [first] = this.#numbers;
    if (first === undefined) return;
    this.#store.delete(this.#collection, keyOf(first));
    this.#numbers.delete(first);
  }
}

function keyOf(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}
