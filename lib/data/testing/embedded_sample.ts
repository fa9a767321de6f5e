/**
 * Embedded engines for tests, in memory or in a file.
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { DATA_SCHEMA, EmbeddedEngine, type EmbeddedParts } from "../embedded/mod.ts";

/** @param path in memory unless given; what is there is opened */
export function openSample(path = ":memory:", parts: Partial<EmbeddedParts> = {}): EmbeddedEngine {
  return engineOf(openDatabase(path), parts);
}

/**
 * @returns what opens an engine over the same database in memory again and again, as after a crash: what the one before
 *   would still do does not happen
 */
export function openMemory(parts: Partial<EmbeddedParts>): () => EmbeddedEngine {
  const database = openDatabase(":memory:");
  let life = 0;
  return () => {
    const own = ++life;
    const afterTurn = (fire: () => void) => queueMicrotask(() => own === life && fire());
    return engineOf(database, { ...parts, afterTurn });
  };
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'collections'").get();
  if (isThere === undefined) database.exec(DATA_SCHEMA);
  return database;
}

function engineOf(database: DatabaseSync, parts: Partial<EmbeddedParts>): EmbeddedEngine {
  let now = 1_700_000_000_000;
  return new EmbeddedEngine({
    database,
    wall: () => now++,
    now: () => now,
    afterTurn: (fire) => queueMicrotask(fire),
    ...parts,
  });
}
