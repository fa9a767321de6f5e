/**
 * The 32-bit indices at which peers address our handshakes and sessions (WireGuard paper §5.4.2).
 * @module
 */

import { type RandomSource, randomUint32 } from "../base/mod.ts";

/** Random, unique indices and what they stand for. */
export class IndexTable<Entry> {
  readonly #entries = new Map<number, Entry>();
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** How many indices are in use. */
  get size(): number {
    return this.#entries.size;
  }

  /** @returns an index that nobody else has, now in use for `entry` */
  allocate(entry: Entry): number {
    for (;;) {
      const index = randomUint32(this.#random);
      if (this.#entries.has(index)) continue;
      this.#entries.set(index, entry);
      return index;
    }
  }

  /** Lets `index` stand for something else. */
  replace(index: number, entry: Entry): void {
    this.#entries.set(index, entry);
  }

  get(index: number): Entry | undefined {
    return this.#entries.get(index);
  }

  /** Frees an index; harmless when it is free. */
  release(index: number): void {
    this.#entries.delete(index);
  }
}
