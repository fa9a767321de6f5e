/**
 * Durable state as a port: named collections of keyed byte strings.
 * @module
 */

import { WeftError } from "./errors.ts";

/**
 * A small, durable, transactional store. All calls are synchronous, so that a decision and its record are
 * one turn. What `transaction` returned from is on disk and survives the end of the process or of power.
 */
export interface StateStore {
  /** Whether what is written is in memory only for now, since the disk is full; a store that never does that has none. */
  readonly isHeld?: boolean;
  /** @returns a copy of the value, or undefined */
  get(collection: string, key: string): Uint8Array | undefined;
  /** Inserts or replaces. */
  put(collection: string, key: string, value: Uint8Array): void;
  /** Removes; harmless when absent. */
  delete(collection: string, key: string): void;
  /** @returns all pairs of a collection in ascending key order (by UTF-16 code unit) */
  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[];
  /**
   * Runs `body` so that all of its writes happen or none. A nested call becomes part of the outer one; when its
   * `body` throws, its own writes are undone even if the outer one goes on.
   * @throws what `body` throws, after undoing its writes; StateError when the disk is full or broken
   */
  transaction<T>(body: () => T): T;
}

/** The state could not be read or written: full disk, corrupt or foreign database, held by another agent. */
export class StateError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "State";
}

/** A store that lives as long as the process, for tests and throw-away nodes. */
export class MemoryStateStore implements StateStore {
  readonly #collections = new Map<string, Map<string, Uint8Array>>();
  /** What the writes of the transaction under way have overwritten, oldest first; undefined outside of one. */
  #overwritten: { collection: string; key: string; value: Uint8Array | undefined }[] | undefined;

  get(collection: string, key: string): Uint8Array | undefined {
    return this.#collections.get(collection)?.get(key)?.slice();
  }

  put(collection: string, key: string, value: Uint8Array): void {
    this.#write(collection, key, value.slice());
  }

  delete(collection: string, key: string): void {
    this.#write(collection, key, undefined);
  }

  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[] {
    const pairs = [...this.#collections.get(collection) ?? []];
    return pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([key, value]) => [key, value.slice()]);
  }

  transaction<T>(body: () => T): T {
    const isOuter = this.#overwritten === undefined;
    const overwritten = this.#overwritten ??= [];
    const start = overwritten.length;
    try {
      return body();
    } catch (error) {
      for (const { collection, key, value } of overwritten.splice(start).reverse()) {
        this.#set(collection, key, value);
      }
      throw error;
    } finally {
      if (isOuter) this.#overwritten = undefined;
    }
  }

  #write(collection: string, key: string, value: Uint8Array | undefined): void {
    this.#overwritten?.push({ collection, key, value: this.#collections.get(collection)?.get(key) });
    this.#set(collection, key, value);
  }

  #set(collection: string, key: string, value: Uint8Array | undefined): void {
    let pairs = this.#collections.get(collection);
    if (pairs === undefined) this.#collections.set(collection, pairs = new Map());
    if (value === undefined) pairs.delete(key);
    else pairs.set(key, value);
  }
}
