/**
 * A database that can be begun anew with an image of another one, such as a copy of what others have.
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { runtimeModule } from "../runtime_module.ts";
import { type DatabaseFile, openDatabase } from "./sqlite_file.ts";

const CHUNK_BYTES = 128 << 10;

/** A database in a directory, open or not. What the last moments have written may be lost by a power cut, and is consistent. */
export class ReplaceableDatabase {
  readonly #dir: string;
  readonly #file: DatabaseFile;
  #database: DatabaseSync | undefined;

  constructor(dir: string, file: DatabaseFile) {
    this.#dir = dir;
    this.#file = file;
  }

  /** @throws StateError */
  open(): DatabaseSync {
    const database = openDatabase(this.#dir, this.#file);
    database.exec("PRAGMA synchronous = NORMAL");
    return this.#database = database;
  }

  /** Puts an image in the place of what was there, which is closed. It is looked at when it is opened. */
  async replace(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const fresh = `${this.#path}.new`;
    await removeIfThere(fresh);
    {
      using file = await Deno.open(fresh, { write: true, createNew: true, mode: 0o600 });
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      }
      await file.syncData();
    }
    for (const suffix of ["-wal", "-shm"]) await removeIfThere(`${this.#path}${suffix}`);
    await Deno.rename(fresh, this.#path);
  }

  /** @returns the open database as it is at some moment while this is read */
  async *image(): AsyncGenerator<Uint8Array> {
    const database = this.#database;
    if (database === undefined) return;
    const path = `${this.#path}.image`;
    await removeIfThere(path);
    try {
      // Before SQLite makes it with a mode of its own.
      (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
      await runtimeModule("node:sqlite").backup(database, path);
      using file = await Deno.open(path, { read: true });
      for (;;) {
        const chunk = new Uint8Array(CHUNK_BYTES);
        const length = await file.read(chunk);
        if (length === null) return;
        yield chunk.subarray(0, length);
      }
    } finally {
      await removeIfThere(path);
    }
  }

  get #path(): string {
    return `${this.#dir}/${this.#file.name}`;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
