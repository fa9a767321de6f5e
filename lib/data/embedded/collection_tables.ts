/**
 * Which collections an engine has, by name, and the counter of revisions that they share.
 * @module
 */

import { MAX_COLLECTIONS, MAX_COPIES } from "../bounds.ts";
import { checkStoredSpec, isInnerName } from "../documents.ts";
import type { CollectionSpec } from "../engine.ts";
import { DataError } from "../errors.ts";
import { CollectionTable } from "./collection_table.ts";
import type { GroupCommit } from "./group_commit.ts";
import type { SqlDatabase } from "./sql_database.ts";

/** The collections of one engine: of those that have left it, too, until what they held is taken away. */
export class CollectionTables {
  readonly #database: SqlDatabase;
  readonly #onChange: (name: string) => void;
  readonly #tables = new Map<string, CollectionTable>();
  #revision = 0;

  /** @param onChange called with the name of a collection that has changed */
  constructor(database: SqlDatabase, onChange: (name: string) => void) {
    this.#database = database;
    this.#onChange = onChange;
  }

  /** In order. */
  get names(): readonly string[] {
    return [...this.#tables.keys()].sort();
  }

  /** @returns undefined where there is none */
  find(name: string): CollectionTable | undefined {
    return this.#tables.get(name);
  }

  /** @throws DataError with code `UnknownCollection` */
  get(name: string): CollectionTable {
    const table = this.#tables.get(name);
    if (table !== undefined) return table;
    throw new DataError(
      "UnknownCollection",
      `There is no collection ${JSON.stringify(String(name).slice(0, 64))} here`,
    );
  }

  /**
   * Within work of a group: copies of shards count by themselves.
   * @returns a revision that no collection has had; one that is taken back comes again, as it does after a restart: else
   *   copies of one log would count differently
   */
  nextRevision(group: Pick<GroupCommit, "undo">): number {
    const before = this.#revision;
    group.undo(() => this.#revision = before);
    return ++this.#revision;
  }

  /** What others have this node hold is counted apart from what is its own. @throws DataError with code `InvalidCollection` */
  checkRoom(name: string): void {
    const isCopy = isInnerName(name);
    const most = isCopy ? MAX_COPIES : MAX_COLLECTIONS;
    if ([...this.#tables.keys()].filter((other) => isInnerName(other) === isCopy).length < most) return;
    const what = isCopy ? `has ${most} copies of shards` : `owns ${most}`;
    throw new DataError("InvalidCollection", `Cannot make ${name}: a node ${what} at most`);
  }

  /** Within a transaction: makes the tables of a collection, or changes them; `load` reads them afterwards. */
  make(spec: CollectionSpec): void {
    const number = this.find(spec.name)?.number ?? this.#nextNumber();
    // A copy begins where what it is copied from does, and counts by itself.
    const revision = isInnerName(spec.name) ? 0 : this.#revision;
    CollectionTable.prepare(this.#database, number, spec, revision);
    this.#database.prepare(
      "INSERT INTO collections VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec",
    ).run(spec.name, number, JSON.stringify(spec));
  }

  /** Within a transaction: takes the tables of a collection away; `forget` or `load` comes afterwards. */
  remove(name: string): void {
    CollectionTable.drop(this.#database, this.get(name).number);
    this.#database.prepare("DELETE FROM collections WHERE name = ?").run(name);
    this.#database.prepare("DELETE FROM transactions WHERE shard = ?").run(name);
    // Its changes are gone, and their revisions must not come again.
    this.#database.prepare("UPDATE floor SET revision = ?").run(this.#revision);
  }

  /** One was removed. */
  forget(name: string): void {
    this.#tables.delete(name);
  }

  /** Reads anew what is there. */
  load(): void {
    this.#tables.clear();
    const floor = Number(this.#database.prepare("SELECT revision FROM floor").get()?.["revision"] ?? 0);
    this.#revision = Math.max(this.#revision, floor);
    for (const row of this.#database.prepare("SELECT name, number, spec FROM collections").all()) {
      const spec = checkStoredSpec(JSON.parse(row["spec"] as string));
      const onChange = () => this.#onChange(spec.name);
      const table = new CollectionTable(this.#database, row["number"] as number, spec, onChange);
      this.#tables.set(spec.name, table);
      if (!isInnerName(spec.name)) this.#revision = Math.max(this.#revision, table.revision);
    }
  }

  #nextNumber(): number {
    return Number(
      this.#database.prepare("UPDATE floor SET number = number + 1 RETURNING number").get()?.["number"],
    );
  }
}
