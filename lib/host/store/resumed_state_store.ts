/**
 * The state of a node that starts on a full disk.
 * @module
 */

import { MemoryStateStore, type StateError, type StateStore } from "../../base/mod.ts";
import { SqliteStateStore } from "./sqlite_state_store.ts";
import { isDiskFull, stateError } from "./state_failure.ts";

/** What a start writes at least must fit; it is written and taken away again. */
const PROBE_BYTES = 32 << 10;
const PROBE = "probe";

/**
 * The state in a directory, which a node can start from though the disk is full: it then reads a copy in memory, and what
 * the start writes waits there until there is room. Once the node runs (`settle`), further writes fail as long as
 * that is so, since nothing that others rely on may be forgotten by a crash.
 *
 * ```
 *   open ── room ──────────────────────────────────────────▶ SQLite
 *     └── full ─▶ held: start writes to memory ─ settle ─▶ held: writes fail ── flush ─▶ SQLite
 * ```
 */
export class ResumedStateStore implements StateStore, Disposable {
  readonly #dir: string;
  readonly #disk: SqliteStateStore;
  /** All that there is, while it can't be written; undefined else. */
  #held: MemoryStateStore | undefined;
  /** What differs on the disk. */
  readonly #waiting = new Map<string, readonly [collection: string, key: string]>();
  #isSettled = false;

  private constructor(dir: string, disk: SqliteStateStore) {
    this.#dir = dir;
    this.#disk = disk;
    try {
      disk.put(PROBE, "", new Uint8Array(PROBE_BYTES));
      disk.delete(PROBE, "");
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#held = new MemoryStateStore();
      for (const collection of disk.collections()) {
        for (const [key, value] of disk.entries(collection)) this.#held.put(collection, key, value);
      }
    }
  }

  /** @throws StateError as `SqliteStateStore.open` does, unless there is just no room */
  static open(dir: string): ResumedStateStore {
    const disk = SqliteStateStore.open(dir);
    try {
      return new ResumedStateStore(dir, disk);
    } catch (error) {
      disk.close();
      throw error;
    }
  }

  /** Whether what is written is in memory only. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The node has started: from now on what can't be kept is not written. */
  settle(): void {
    this.#isSettled = true;
  }

  /** @returns the names of all collections that have a pair; those of the disk while there is no room on it */
  collections(): readonly string[] {
    return this.#disk.collections();
  }

  /** Writes what waits, if there is room now. @returns whether nothing waits any more */
  flush(): boolean {
    const held = this.#held;
    if (held === undefined) return true;
    try {
      this.#disk.transaction(() => {
        for (const [collection, key] of this.#waiting.values()) {
          const value = held.get(collection, key);
          if (value === undefined) this.#disk.delete(collection, key);
          else this.#disk.put(collection, key, value);
        }
        // Also when nothing waits it is to be known whether there is room.
        this.#disk.put(PROBE, "", new Uint8Array(PROBE_BYTES));
      });
      this.#disk.delete(PROBE, "");
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
    this.#waiting.clear();
    this.#held = undefined;
    return true;
  }

  get(collection: string, key: string): Uint8Array | undefined {
    return this.#store.get(collection, key);
  }

  put(collection: string, key: string, value: Uint8Array): void {
    this.#note(collection, key);
    this.#store.put(collection, key, value);
  }

  delete(collection: string, key: string): void {
    // There is nothing to write for what is not there.
    if (this.#held !== undefined && this.#held.get(collection, key) === undefined) return;
    this.#note(collection, key);
    this.#store.delete(collection, key);
  }

  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[] {
    return this.#store.entries(collection);
  }

  transaction<T>(body: () => T): T {
    return this.#store.transaction(body);
  }

  /** Writes what waits if it can, and closes. Harmless when repeated. */
  close(): void {
    try {
      this.flush();
    } catch {
      // What is on the disk stays as it was.
    }
    this.#held = undefined;
    this.#disk.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #store(): StateStore {
    return this.#held ?? this.#disk;
  }

  #note(collection: string, key: string): void {
    if (this.#held === undefined) return;
    if (this.#isSettled) throw this.#fullError();
    this.#waiting.set(`${collection}\n${key}`, [collection, key]);
  }

  #fullError(): StateError {
    return stateError("write", this.#dir, "full");
  }
}
