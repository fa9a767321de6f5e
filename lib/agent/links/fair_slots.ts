/**
 * Places that a few hold at the same time.
 * @module
 */

interface Holder {
  readonly origin: string;
  readonly evict: () => void;
}

/**
 * Everybody gets a slot. When there are too many holders, the oldest one of the origin with the most of them is evicted:
 * a flood from one origin displaces itself, and who is quick is always served.
 */
export class FairSlots {
  readonly #capacity: number;
  /** In the order in which they came. */
  readonly #holders = new Set<Holder>();

  /** @param capacity how many slots there are, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#holders.size;
  }

  /**
   * @param origin what holders have in common that one sender can multiply
   * @param evict called at most once, when somebody else needs the slot
   * @returns a function that releases the slot; harmless when repeated
   */
  acquire(origin: string, evict: () => void): () => void {
    const holder = { origin, evict };
    this.#holders.add(holder);
    if (this.#holders.size > this.#capacity) this.#evictOne();
    return () => void this.#holders.delete(holder);
  }

  #evictOne(): void {
    let largest: Holder[] = [];
    for (const group of Map.groupBy(this.#holders, ({ origin }) => origin).values()) {
      // Of equal origins the one that came first.
      if (group.length > largest.length) largest = group;
    }
    const [oldest] = largest;
    if (oldest === undefined) return;
    this.#holders.delete(oldest);
    oldest.evict();
  }
}
