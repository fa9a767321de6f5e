/**
 * The state of a node in one SQLite file.
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StateError, StateStore } from "../../base/mod.ts";
import { type DatabaseFile, openDatabase } from "./sqlite_file.ts";
import { stateErrorFrom } from "./state_failure.ts";

/** The database's name within the state directory. */
const FILE_NAME = "weft.db";

const SCHEMA = `
  CREATE TABLE pairs (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
`;

const FILE: DatabaseFile = {
  name: FILE_NAME,
  // "weft" in ASCII.
  applicationId: 0x77656674,
  schemaVersion: 1,
  schema: SCHEMA,
  isCheckedWhole: true,
};

/**
 * A StateStore in `weft.db` of a state directory. One process has it open at a time; what a transaction wrote
 * is on disk when it returns, whatever happens to the process or to power.
 *
 * @example
 * ```ts
 * import { SqliteStateStore } from "./sqlite_state_store.ts";
 * const dir = Deno.makeTempDirSync();
 * {
 *   using store = SqliteStateStore.open(dir);
 *   store.put("greetings", "first", new TextEncoder().encode("hello"));
 * }
 * Deno.removeSync(dir, { recursive: true });
 * ```
 */
export class SqliteStateStore implements StateStore, Disposable {
  readonly #dir: string;
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<Record<"get" | "put" | "delete" | "entries" | "collections", StatementSync>>;

  // The transaction under way: how deep it is nested, and why SQLite gave it up, if it did.
  #depth = 0;
  #lostBy: StateError | undefined;
  #isClosed = false;

  private constructor(dir: string, database: DatabaseSync) {
    this.#dir = dir;
    this.#database = database;
    this.#statements = {
      get: database.prepare("SELECT value FROM pairs WHERE collection = ? AND key = ?"),
      put: database.prepare("INSERT OR REPLACE INTO pairs (collection, key, value) VALUES (?, ?, ?)"),
      delete: database.prepare("DELETE FROM pairs WHERE collection = ? AND key = ?"),
      entries: database.prepare("SELECT key, value FROM pairs WHERE collection = ?"),
      collections: database.prepare("SELECT DISTINCT collection FROM pairs"),
    };
  }

  /**
   * Opens the state in `dir`; the directory (mode 0700) and the file (0600) are made when they are absent.
   * @throws StateError when another process has it open, or when it is damaged, of another program or version, not
   * writable, in reach of other users, or the disk is full; what is there stays as it was
   */
  static open(dir: string): SqliteStateStore {
    const database = openDatabase(dir, FILE);
    try {
      return new SqliteStateStore(dir, database);
    } catch (error) {
      database.close();
      throw stateErrorFrom("open", dir, error);
    }
  }

  /** Whether there is a state in `dir`, sound or not. */
  static existsIn(dir: string): boolean {
    try {
      return Deno.statSync(`${dir}/${FILE_NAME}`).size > 0;
    } catch {
      return false;
    }
  }

  get(collection: string, key: string): Uint8Array | undefined {
    return this.#run(
      "read",
      () => this.#statements.get.get(collection, key)?.["value"] as Uint8Array | undefined,
    );
  }

  put(collection: string, key: string, value: Uint8Array): void {
    this.#run("write", () => this.#statements.put.run(collection, key, value));
  }

  delete(collection: string, key: string): void {
    this.#run("write", () => this.#statements.delete.run(collection, key));
  }

  entries(collection: string): readonly (readonly [key: string, value: Uint8Array])[] {
    const rows = this.#run("read", () => this.#statements.entries.all(collection));
    const pairs = rows.map((row) => [row["key"] as string, row["value"] as Uint8Array] as const);
    // SQLite orders by UTF-8, which puts characters beyond the basic plane elsewhere.
    return pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  }

  /** Writes all of it into a new file, as it is now. @throws StateError when that can't be written */
  copyTo(path: string): void {
    this.#run("read", () => this.#database.prepare("VACUUM INTO ?").run(path));
    Deno.chmodSync(path, 0o600);
  }

  /** @returns the names of all collections that have a pair */
  collections(): readonly string[] {
    return this.#run("read", () => this.#statements.collections.all()).map((row) =>
      String(row["collection"])
    );
  }

  transaction<T>(body: () => T): T {
    const level = this.#depth;
    // A deferred BEGIN is enough: the file is locked for as long as it is open.
    this.#run("write", () => this.#database.exec(level === 0 ? "BEGIN" : `SAVEPOINT level${level}`));
    this.#depth++;
    try {
      const result = body();
      this.#run("write", () => this.#database.exec(level === 0 ? "COMMIT" : `RELEASE level${level}`));
      return result;
    } catch (error) {
      this.#undo(level);
      throw error;
    } finally {
      this.#depth--;
      if (level === 0) this.#lostBy = undefined;
    }
  }

  /** Closes the file and gives it free. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #run<T>(action: "read" | "write", statement: () => T): T {
    if (this.#isClosed) {
      throw new TypeError(`Cannot ${action} the state in ${this.#dir}: the store is closed`);
    }
    if (this.#lostBy !== undefined) throw this.#lostBy;
    try {
      return statement();
    } catch (cause) {
      const error = stateErrorFrom(action, this.#dir, cause);
      // SQLite undoes a whole transaction when the disk is full or fails; whoever goes on inside of it would
      // write without one.
      if (this.#depth > 0 && !this.#database.isTransaction) this.#lostBy = error;
      throw error;
    }
  }

  #undo(level: number): void {
    if (this.#isClosed || !this.#database.isTransaction) return;
    this.#database.exec(level === 0 ? "ROLLBACK" : `ROLLBACK TO level${level}; RELEASE level${level}`);
  }
}
