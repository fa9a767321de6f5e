/**
 * A map over one that many share.
 * @module
 */

/**
 * A map whose base is shared and never changed: what is set or deleted here is kept here alone, so that a thousand maps
 * that hardly differ take the room of one. Without a base it is an ordinary map.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { LayeredMap } from "./layered_map.ts";
 * const base = new LayeredMap<string, number>();
 * base.set("a", 1);
 * base.set("b", 2);
 * const map = new LayeredMap(base);
 * map.set("a", 3);
 * map.delete("b");
 * assert.deepEqual([...map.values()], [3]);
 * assert.equal(base.get("b"), 2);
 * ```
 */
export class LayeredMap<K, V> {
  readonly #base: ReadonlyMap<K, V> | undefined;
  /** New keys, and other values of the base's. */
  readonly #own = new Map<K, V>();
  /** Keys of the base that are not here. */
  readonly #gone = new Set<K>();
  #size: number;

  /** @param base what it holds in the beginning; it must not change from now on */
  constructor(base?: LayeredMap<K, V>) {
    this.#base = base && (base.#base === undefined ? base.#own : new Map(base.entries()));
    this.#size = base?.size ?? 0;
  }

  /** How many keys it has. */
  get size(): number {
    return this.#size;
  }

  /** @returns the value, or undefined when there is none */
  get(key: K): V | undefined {
    if (this.#own.size > 0) {
      const own = this.#own.get(key);
      if (own !== undefined || this.#base === undefined || this.#own.has(key)) return own;
    }
    return this.#gone.size > 0 && this.#gone.has(key) ? undefined : this.#base?.get(key);
  }

  /** Whether there is a value. */
  has(key: K): boolean {
    return this.#own.has(key) || this.#isInherited(key);
  }

  /** Puts a value in place of what was there. */
  set(key: K, value: V): void {
    if (!this.has(key)) this.#size++;
    this.#own.set(key, value);
    if (this.#gone.size > 0) this.#gone.delete(key);
  }

  /** Takes a key away. @returns whether it was there */
  delete(key: K): boolean {
    if (!this.has(key)) return false;
    this.#size--;
    this.#own.delete(key);
    if (this.#base?.has(key)) this.#gone.add(key);
    return true;
  }

  /** Goes back to the base: nothing when there is none. */
  reset(): void {
    this.#own.clear();
    this.#gone.clear();
    this.#size = this.#base?.size ?? 0;
  }

  /** @returns all keys, those of the base first */
  keys(): MapIterator<K> {
    return this.#base === undefined ? this.#own.keys() : this.entries().map(([key]) => key);
  }

  /** @returns the keys that have come, gone or been set since it was made; all of them without a base */
  *changedKeys(): Generator<K> {
    yield* this.#own.keys();
    yield* this.#gone;
  }

  /** @returns all values, in the order of the keys */
  values(): MapIterator<V> {
    if (this.#base === undefined) return this.#own.values();
    if (this.#own.size + this.#gone.size === 0) return this.#base.values();
    return this.entries().map(([, value]) => value);
  }

  /** @returns all keys with their values, in the order of the keys */
  *entries(): Generator<[K, V], undefined> {
    for (const pair of this.#base ?? []) {
      const [key, value] = pair;
      if (this.#gone.has(key)) continue;
      const own = this.#own.get(key);
      yield own === undefined && !this.#own.has(key) ? [key, value] : [key, own as V];
    }
    for (const [key, value] of this.#own) if (!this.#base?.has(key)) yield [key, value];
  }

  #isInherited(key: K): boolean {
    return this.#base !== undefined && this.#base.has(key) && !this.#gone.has(key);
  }
}
