/**
 * Collections that leave or enter an engine, in SQLite. Each step is one transaction.
 *
 * ```
 *   leaving   collection | id | by | state | hold | until             until: of a hold, by the clock of commits;
 *                                                                        state `written`: held, and written all the same
 *   entering  collection | id | part                                     the part that comes next
 *   entered   id | collection | origin | revisions | result | touched     ids that came along, apart from the engine's own
 * ```
 *
 * @module
 */

import { checkStoredSpec, documentText, isCollectionName, keyText } from "../documents.ts";
import type { CollectionSpec } from "../engine.ts";
import { DataError } from "../errors.ts";
import {
  type Leaving,
  MAX_HOLD_MS,
  MAX_MOVED_IDS,
  type MovedCommit,
  type MoveStep,
  type MoveStore,
} from "../moves.ts";
import type { CollectionTables } from "./collection_tables.ts";
import type { GroupCommit } from "./group_commit.ts";
import { readMovedCommits } from "./moved_commits.ts";
import type { SqlDatabase } from "./sql_database.ts";

/** Makes the tables, where an earlier release has made the others. */
export function prepareMoves(database: SqlDatabase): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS leaving (
      collection TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL, mover TEXT NOT NULL, state TEXT NOT NULL,
      hold INTEGER NOT NULL, until INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS entering (
      collection TEXT NOT NULL PRIMARY KEY, id TEXT NOT NULL, part INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS entered (
      number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, collection TEXT NOT NULL, origin TEXT NOT NULL,
      revisions TEXT NOT NULL, result TEXT, touched TEXT
    );
    CREATE INDEX IF NOT EXISTS entered_of ON entered (collection, number);
  `);
}

/** What of its engine moves need. */
export interface MoveEngine {
  readonly database: SqlDatabase;
  readonly group: GroupCommit;
  readonly tables: CollectionTables;
  /** Calls back those who follow a collection. */
  tell(name: string): void;
  run<T>(body: () => T | Promise<T>): Promise<T>;
  alone<T>(body: () => T): T;
  reload(): void;
  /** Milliseconds since 1970, as commits have it. */
  wall(): number;
}

interface Row extends Omit<Leaving, "state"> {
  readonly state: Leaving["state"] | "written";
  readonly hold: number;
  readonly until: number;
}

/** @returns the name under which a collection enters */
function enteringName(collection: string): string {
  return `${collection}.move`;
}

/** The moves of one engine. */
export class MoveTables implements MoveStore {
  readonly #engine: MoveEngine;
  readonly #leaving = new Map<string, Row>();

  constructor(engine: MoveEngine) {
    this.#engine = engine;
  }

  /** Reads anew what leaves. */
  load(): void {
    this.#leaving.clear();
    for (const row of this.#engine.database.prepare("SELECT * FROM leaving").all()) {
      const collection = String(row["collection"]);
      const state = row["state"] as Row["state"];
      this.#leaving.set(collection, {
        ...{ collection, id: String(row["id"]), by: String(row["mover"]), state },
        ...{ hold: Number(row["hold"]), until: Number(row["until"]) },
      });
    }
  }

  /** Whether a collection has left. */
  hasLeft(collection: string): boolean {
    return this.#leaving.size > 0 && this.#leaving.get(collection)?.state === "decided";
  }

  /** Whether a collection is on its way into the engine. */
  isEntering(collection: string): boolean {
    return this.#engine.tables.find(enteringName(collection)) !== undefined;
  }

  /** Within a transaction: a collection is gone, and what is kept of its moves goes along; `load` comes afterwards. */
  forget(collection: string): void {
    const { database } = this.#engine;
    database.prepare("DELETE FROM leaving WHERE collection = ?").run(collection);
    database.prepare("DELETE FROM entered WHERE collection = ?").run(collection);
  }

  /**
   * Within work of the group: whether a collection may be written. One whose hold is over is held no more, and whoever held
   * it learns that by its next step.
   * @throws DataError with code `Moved`
   */
  checkWrite(collection: string): void {
    if (this.#leaving.size === 0) return;
    const row = this.#leaving.get(collection);
    if (row === undefined || row.state === "following") return;
    const leftMs = row.until - this.#engine.wall();
    if (row.state === "decided" || (leftMs > 0 && leftMs <= MAX_HOLD_MS)) throw moved(collection);
    this.#change(row, "following");
  }

  /**
   * Within work of the group: what was prepared before a collection was held comes to its end, so that whoever holds it has
   * to look again. Writes wait all the same, or others would be prepared meanwhile, again and again.
   */
  noteWrite(collection: string): void {
    const row = this.#leaving.get(collection);
    if (row?.state === "held") this.#change(row, "written");
  }

  step(step: MoveStep): Promise<void> {
    return this.#engine.run(() => {
      this.#engine.alone(() => {
        this.#do(step);
        this.#engine.reload();
      });
      if (step.kind === "decide" || step.kind === "clean") this.#engine.tell(step.collection);
      if (step.kind === "publish") this.#engine.tell(step.spec.name);
    });
  }

  leaving(): Promise<readonly Leaving[]> {
    return this.#engine.run(() =>
      [...this.#leaving.values()].map(({ collection, id, by, state }) => ({
        ...{ collection, id, by },
        state: state === "written" ? "held" : state,
      }))
    );
  }

  entering(): Promise<readonly { readonly collection: string; readonly id: string }[]> {
    return this.#engine.run(() =>
      this.#engine.database.prepare("SELECT collection, id FROM entering").all()
        .map(({ collection, id }) => ({ collection: String(collection), id: String(id) }))
    );
  }

  spec(collection: string): Promise<CollectionSpec> {
    return this.#engine.run(() => this.#engine.tables.get(collection).spec);
  }

  commits(
    collection: string,
    after: number,
  ): Promise<{ readonly commits: readonly MovedCommit[]; readonly position: number }> {
    return this.#engine.run(() =>
      readMovedCommits(this.#engine.database, collection, after, this.#firstOpen(collection))
    );
  }

  #do(step: MoveStep): void {
    switch (step.kind) {
      case "begin":
        return this.#begin(step);
      case "hold":
        return this.#hold(step);
      case "decide":
        return this.#decide(step);
      case "abort":
        return this.#abort(step.collection);
      case "clean":
        return this.#clean(step);
      case "receive":
        return this.#receive(step);
      case "fill":
        return this.#fill(step);
      case "publish":
        return this.#publish(checkStoredSpec(step.spec), step.id);
      case "discard":
        if (this.#entering(step.collection)?.id === step.id) this.#discard(step.collection);
    }
  }

  #begin({ collection, id, by }: MoveStep & { kind: "begin" }): void {
    this.#engine.tables.get(collection);
    const row = this.#leaving.get(collection);
    if (row !== undefined && row.id !== id) throw conflict(collection, "it is moved already");
    if (row === undefined) this.#set({ collection, id, by, state: "following", hold: 0, until: 0 });
  }

  #hold({ collection, id, hold, forMs }: MoveStep & { kind: "hold" }): void {
    const row = this.#row(collection, id);
    if (row.state === "decided" || hold <= row.hold) return;
    this.#set({
      ...row,
      hold,
      state: "held",
      until: this.#engine.wall() + Math.max(1, Math.min(forMs, MAX_HOLD_MS)),
    });
  }

  #decide({ collection, id, hold }: MoveStep & { kind: "decide" }): void {
    const row = this.#row(collection, id);
    if (row.state === "decided") return;
    if (row.state !== "held" || row.hold !== hold) {
      throw conflict(collection, "something was written meanwhile");
    }
    if (this.#firstOpen(collection) !== undefined) {
      throw conflict(collection, "a transaction over several places is about to end");
    }
    this.#set({ ...row, state: "decided" });
  }

  #abort(collection: string): void {
    if (this.#leaving.get(collection)?.state === "decided") {
      throw conflict(collection, "it is moved, and only what was there is being taken away");
    }
    this.#engine.database.prepare("DELETE FROM leaving WHERE collection = ?").run(collection);
  }

  #clean({ collection, id }: MoveStep & { kind: "clean" }): void {
    const row = this.#leaving.get(collection);
    if (row === undefined) return;
    if (row.id !== id || row.state !== "decided") throw conflict(collection, "its move is not decided");
    this.#engine.tables.remove(collection);
    this.forget(collection);
  }

  #receive({ spec: given, id, revision }: MoveStep & { kind: "receive" }): void {
    const { name, ...spec } = checkStoredSpec(given);
    if (!isCollectionName(name) || !Number.isSafeInteger(revision) || revision < 0) {
      throw new DataError("InvalidCollection", "That is no collection to move");
    }
    if (this.#engine.tables.find(name) !== undefined) throw conflict(name, "the engine has one of that name");
    const there = this.#entering(name)?.id;
    if (there === id) return;
    if (there !== undefined) throw conflict(name, "another copy of it is to come");
    this.#engine.tables.checkRoom(name);
    this.#engine.tables.make({ ...spec, name: enteringName(name) });
    this.#engine.reload();
    this.#engine.tables.get(enteringName(name)).forgetChanges(revision);
    this.#engine.database.prepare("INSERT INTO entering VALUES (?, ?, 0)").run(name, id);
  }

  #fill({ collection, id, part, entries, changes, commits }: MoveStep & { kind: "fill" }): void {
    const expected = this.#entering(collection);
    if (expected?.id !== id || part > expected.part) {
      throw conflict(collection, "what was before it has not come");
    }
    if (part < expected.part) return;
    this.#engine.database.prepare("UPDATE entering SET part = part + 1 WHERE collection = ?").run(collection);
    const table = this.#engine.tables.get(enteringName(collection));
    for (const { key, value, revision } of entries) table.place(keyText(key), documentText(value), revision);
    for (const change of changes) table.enter(change);
    const keep = this.#engine.database.prepare(
      "INSERT OR IGNORE INTO entered (id, collection, origin, revisions, result, touched) VALUES (?, ?, ?, ?, ?, ?)",
    );
    for (const { id, origin, revisions, result, touched } of commits) {
      keep.run(
        ...[id, collection, origin, JSON.stringify(revisions)],
        ...[result === undefined ? null : JSON.stringify(result)],
        touched === undefined ? null : JSON.stringify(touched),
      );
    }
    if (commits.length === 0) return;
    this.#engine.database.prepare(
      `DELETE FROM entered WHERE collection = ?1 AND number <= (
         SELECT number FROM entered WHERE collection = ?1 ORDER BY number DESC LIMIT 1 OFFSET ${MAX_MOVED_IDS})`,
    ).run(collection);
  }

  #publish(spec: CollectionSpec, id: string): void {
    const { name } = spec;
    const entering = enteringName(name);
    if (this.#entering(name)?.id !== id) {
      if (this.#engine.tables.find(name) !== undefined) return;
      throw conflict(name, "nothing of it has come");
    }
    this.#engine.database.prepare("UPDATE collections SET name = ?, spec = ? WHERE name = ?")
      .run(name, JSON.stringify(spec), entering);
    this.#engine.database.prepare("DELETE FROM entering WHERE collection = ?").run(name);
    this.#engine.reload();
    this.#engine.tables.make(spec);
  }

  #discard(collection: string): void {
    this.#engine.tables.remove(enteringName(collection));
    this.#engine.database.prepare("DELETE FROM entering WHERE collection = ?").run(collection);
    this.#engine.database.prepare("DELETE FROM entered WHERE collection = ?").run(collection);
  }

  #entering(collection: string): { readonly id: string; readonly part: number } | undefined {
    const row = this.#engine.database.prepare("SELECT id, part FROM entering WHERE collection = ?").get(
      collection,
    );
    return row && { id: String(row["id"]), part: Number(row["part"]) };
  }

  #firstOpen(collection: string): number | undefined {
    const row = this.#engine.database.prepare(
      `SELECT MIN(number) AS number FROM transactions WHERE shard = ? AND state IN ('prepared', 'open', 'decided')`,
    ).get(collection);
    return row?.["number"] === null ? undefined : Number(row?.["number"]);
  }

  #row(collection: string, id: string): Row {
    const row = this.#leaving.get(collection);
    if (row?.id === id) return row;
    throw conflict(collection, "its move was aborted");
  }

  #change(row: Row, state: Row["state"]): void {
    this.#set({ ...row, state });
    this.#engine.group.undo(() => this.#leaving.set(row.collection, row));
  }

  #set(row: Row): void {
    const { collection, id, by, state, hold, until } = row;
    this.#engine.database.prepare("INSERT OR REPLACE INTO leaving VALUES (?, ?, ?, ?, ?, ?)")
      .run(collection, id, by, state, hold, until);
    this.#leaving.set(collection, row);
  }
}

/** @returns that something is asked of an engine that a collection leaves */
export function moved(collection: string): DataError {
  return new DataError("Moved", `${collection} is on its way from one engine to the other`, {
    hint: "Try again in a moment.",
  });
}

function conflict(collection: string, why: string): DataError {
  return new DataError("Conflict", `Cannot move ${collection}: ${why}`);
}
