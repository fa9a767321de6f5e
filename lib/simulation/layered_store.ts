/**
 * A store over a base that many nodes share.
 * @module
 */

import type { StateStore } from "../base/mod.ts";

type Collection = ReadonlyMap<string, Uint8Array>;
type Deleted = "deleted";

/** What all nodes of a simulation begin with. Values are never changed. */
export type BaseState = ReadonlyMap<string, Collection>;

/**
 * Keeps what differs from the base, copies nothing, and never fails, so that a transaction needs no undoing. It
 * outlives its node, as a disk does.
 */
export class LayeredStore implements StateStore {
  readonly #base: BaseState;
  readonly #own = new Map<string, Map<string, Uint8Array | Deleted>>();

  constructor(base: BaseState = new Map()) {
    this.#base = base;
  }

  get(collection: string, key: string): Uint8Array | undefined {
    const value = this.#own.get(collection)?.get(key) ?? this.#base.get(collection)?.get(key);
    return value === "deleted" ? undefined : value;
  }

  put(collection: string, key: string, value: Uint8Array): void {
    this.#collection(collection).set(key, value);
  }

  delete(collection: string, key: string): void {
    this.#collection(collection).set(key, "deleted");
  }

  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[] {
    const own = this.#own.get(collection);
    const found: (readonly [string, Uint8Array])[] = [];
    for (const pair of this.#base.get(collection) ?? []) if (!own?.has(pair[0])) found.push(pair);
    for (const [key, value] of own ?? []) if (value !== "deleted") found.push([key, value]);
    return found.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  }

  /** Whether anything was put or deleted. */
  get isChanged(): boolean {
    return this.#own.size > 0;
  }

  /** @returns what differs from the base, undefined for what has gone */
  *changes(collection: string): Generator<readonly [key: string, value: Uint8Array | undefined]> {
    for (const [key, value] of this.#own.get(collection) ?? []) {
      yield [key, value === "deleted" ? undefined : value];
    }
  }

  transaction<T>(body: () => T): T {
    return body();
  }

  /** @returns everything in it, as the base of others */
  asBase(): BaseState {
    return new Map([...this.#own.keys()].map((name) => [name, new Map(this.entries(name))]));
  }

  #collection(name: string): Map<string, Uint8Array | Deleted> {
    let collection = this.#own.get(name);
    if (collection === undefined) this.#own.set(name, collection = new Map());
    return collection;
  }
}
