/**
 * The state of a node in one SQLite file.
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StateError, StateStore } from "../../base/mod.ts";
import { runtimeModule } from "../runtime_module.ts";
import { stateError, stateErrorFrom } from "./state_failure.ts";

/** The database's name within the state directory. */
const FILE_NAME = "weft.db";
/** "weft" in ASCII, at offset 68 of the file (SQLite file format §1.3.14). */
const APPLICATION_ID = 0x77656674;
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE pairs (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

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
    const path = `${dir}/${FILE_NAME}`;
    let database: DatabaseSync | undefined;
    try {
      Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
      checkDirectory(dir);
      checkFile(dir, path);
      const { DatabaseSync } = runtimeModule("node:sqlite");
      database = new DatabaseSync(path);
      prepare(dir, database);
      return new SqliteStateStore(dir, database);
    } catch (error) {
      database?.close();
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

/** Whoever else may write to the directory could put another file in the place of the database, or a link to one. */
function checkDirectory(dir: string): void {
  const { isDirectory, mode, uid } = Deno.statSync(dir);
  if (!isDirectory) throw stateError("open", dir, "not-a-directory");
  const own = ownUid();
  const isOthers = uid !== null && uid !== 0 && own !== undefined && uid !== own;
  if (isOthers || (mode !== null && (mode & 0o022) !== 0)) throw stateError("open", dir, "shared");
}

/** @returns the user of this process; undefined where there are none, or a program may not ask */
function ownUid(): number | undefined {
  try {
    return Deno.uid() ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Looks at the file before SQLite does, which would recover or even set up what is not weft's.
 *
 * ```
 *    0  "SQLite format 3\0"
 *   60  user version (32 bits, big-endian)
 *   68  application id (32 bits, big-endian)
 *  100  end of the header
 * ```
 */
function checkFile(dir: string, path: string): void {
  // A link would have the mode of what it leads to changed, and that read and written.
  if (!(statOf(path)?.isFile ?? true)) throw stateError("open", dir, "linked");
  // It makes an empty file where there is none, so that SQLite never decides on its mode.
  using file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  const { size, mode } = file.statSync();
  if (size > 0) checkHeader(dir, file);
  if (mode !== null && (mode & 0o777) !== 0o600) Deno.chmodSync(path, 0o600);
}

/** @returns what is at a path itself, not where a link leads; undefined when nothing is */
function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function checkHeader(dir: string, file: Deno.FsFile): void {
  const header = new Uint8Array(100);
  if ((file.readSync(header) ?? 0) < header.length) throw stateError("open", dir, "damaged");
  const view = new DataView(header.buffer);
  const magic = new TextDecoder().decode(header.subarray(0, 16));
  if (magic !== "SQLite format 3\0") throw stateError("open", dir, "damaged");
  if (view.getUint32(68) !== APPLICATION_ID) throw stateError("open", dir, "foreign");
  if (view.getUint32(60) > SCHEMA_VERSION) throw stateError("open", dir, "newer");
}

/** Locks the file, makes sure that it is sound, and sets it up when it is new. */
function prepare(dir: string, database: DatabaseSync): void {
  // Exclusive before the first access: the lock is then kept, and no memory is shared (SQLite WAL §6).
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
  const [first, ...more] = database.prepare("PRAGMA integrity_check(1)").all();
  if (more.length > 0 || first?.["integrity_check"] !== "ok") {
    throw stateError("open", dir, "damaged", new Error(String(first?.["integrity_check"])));
  }
  // The schema is written before the file turns to WAL, so that the id stands in the file itself and not in
  // its log.
  if (database.prepare("PRAGMA user_version").get()?.["user_version"] === 0) {
    database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`);
  }
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") throw new Error(`the journal stays in mode ${mode}`);
}
