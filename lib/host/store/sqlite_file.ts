/**
 * A database of SQLite in the state directory: its file, its header, and how it is opened.
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { runtimeModule } from "../runtime_module.ts";
import { stateError, stateErrorFrom } from "./state_failure.ts";

/** Which database it is. */
export interface DatabaseFile {
  /** The file's name within the state directory. */
  readonly name: string;
  /** At offset 68 of the file, 32 bits (SQLite file format §1.3.14). */
  readonly applicationId: number;
  /** From 1: that of a file which is made anew. */
  readonly schemaVersion: number;
  /** A file of a later one is refused; `schemaVersion` unless given. */
  readonly newestVersion?: number;
  /** What makes its tables, once. */
  readonly schema: string;
  /** Whether all of it is looked through before it is used, which takes a second for some hundred megabytes. */
  readonly isCheckedWhole: boolean;
}

/**
 * Opens a database in `dir`; the directory (mode 0700) and the file (0600) are made when they are absent. One process has it
 * open at a time; what a transaction wrote is on disk when its COMMIT returns.
 * @throws StateError when another process has it open, or when it is damaged, of another program or version, not writable, in
 *   reach of other users, or the disk is full; what is there stays as it was
 */
export function openDatabase(dir: string, file: DatabaseFile): DatabaseSync {
  const path = `${dir}/${file.name}`;
  let database: DatabaseSync | undefined;
  try {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
    checkDirectory(dir);
    checkFile(dir, path, file);
    const { DatabaseSync } = runtimeModule("node:sqlite");
    database = new DatabaseSync(path);
    prepare(dir, database, file);
    return database;
  } catch (error) {
    database?.close();
    throw stateErrorFrom("open", dir, error);
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
function checkFile(dir: string, path: string, expected: DatabaseFile): void {
  // A link would have the mode of what it leads to changed, and that read and written.
  if (!(statOf(path)?.isFile ?? true)) throw stateError("open", dir, "linked");
  // It makes an empty file where there is none, so that SQLite never decides on its mode.
  using file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  const { size, mode } = file.statSync();
  if (size > 0) checkHeader(dir, file, expected);
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

function checkHeader(
  dir: string,
  file: Deno.FsFile,
  { applicationId, schemaVersion, newestVersion = schemaVersion }: DatabaseFile,
): void {
  const header = new Uint8Array(100);
  if ((file.readSync(header) ?? 0) < header.length) throw stateError("open", dir, "damaged");
  const view = new DataView(header.buffer);
  const magic = new TextDecoder().decode(header.subarray(0, 16));
  if (magic !== "SQLite format 3\0") throw stateError("open", dir, "damaged");
  if (view.getUint32(68) !== applicationId) throw stateError("open", dir, "foreign");
  if (view.getUint32(60) > newestVersion) throw stateError("open", dir, "newer");
}

/** Locks the file, makes sure that it is sound, and sets it up when it is new. */
function prepare(
  dir: string,
  database: DatabaseSync,
  { applicationId, schemaVersion, schema, isCheckedWhole }: DatabaseFile,
): void {
  // Exclusive before the first access: the lock is then kept, and no memory is shared (SQLite WAL §6).
  database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
  if (isCheckedWhole) {
    const [first, ...more] = database.prepare("PRAGMA integrity_check(1)").all();
    if (more.length > 0 || first?.["integrity_check"] !== "ok") {
      throw stateError("open", dir, "damaged", new Error(String(first?.["integrity_check"])));
    }
  }
  // The schema is written before the file turns to WAL, so that the id stands in the file itself and not in
  // its log.
  if (database.prepare("PRAGMA user_version").get()?.["user_version"] === 0) {
    const header = `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion};`;
    database.exec(`BEGIN EXCLUSIVE; ${schema}; ${header} COMMIT`);
  }
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") throw new Error(`the journal stays in mode ${mode}`);
}
