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
  /** @returns a copy of the value, or undefined */
  get(collection: string, key: string): Uint8Array | undefined;
  /** Inserts or replaces. */
  put(collection: string, key: string, value: Uint8Array): void;
  /** Removes; harmless when absent. */
  delete(collection: string, key: string): void;
  /** @returns all pairs of a collection in ascending key order (by UTF-16 code unit) */
  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[];
  /**
   * Runs `body` so that all of its writes happen or none. Nested calls join the outer one.
   * @throws what `body` throws, after undoing its writes; StateError when the disk is full or broken
   */
  transaction<T>(body: () => T): T;
}

/** The state could not be read or written: full disk, corrupt or foreign database, held by another agent. */
export class StateError extends WeftError {
  readonly code = "State";
}

/** A store that lives as long as the process, for tests and throw-away nodes. */
export class MemoryStateStore implements StateStore {
  #collections = new Map<string, Map<string, Uint8Array>>();
  #depth = 0;

  get(collection: string, key: string): Uint8Array | undefined {
    return this.#collections.get(collection)?.get(key)?.slice();
  }

  put(collection: string, key: string, value: Uint8Array): void {
    let pairs = this.#collections.get(collection);
    if (pairs === undefined) this.#collections.set(collection, pairs = new Map());
    pairs.set(key, value.slice());
  }

  delete(collection: string, key: string): void {
    this.#collections.get(collection)?.delete(key);
  }

  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[] {
    const pairs = [...this.#collections.get(collection) ?? []];
    return pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([key, value]) => [key, value.slice()]);
  }

  transaction<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    const before = new Map([...this.#collections].map(([name, pairs]) => [name, new Map(pairs)]));
    this.#depth++;
    try {
      return body();
    } catch (error) {
      this.#collections = before;
      throw error;
    } finally {
      this.#depth--;
    }
  }
}
