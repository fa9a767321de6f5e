/**
 * One collection in SQLite: a table of its entries, and one of its changes.
 *
 * ```
 *   cN  key | revision | value (JSON) | pI: an indexed property, computed      index (pI, key) with and without case
 *   lN  revision | key | old | new | at | size                               the last changes
 * ```
 *
 * @module
 */

import { type Path, propertySql, type SqlSource } from "../../query/mod.ts";
import { MAX_KEPT_CHANGE_BYTES, MAX_KEPT_CHANGES } from "../bounds.ts";
import { AnswerRoom, documentText, keyText } from "../documents.ts";
import type { Change, CollectionSpec, Document, Entry, ListRequest } from "../engine.ts";
import { boundLimit, type SqlDatabase, type SqlRow, type SqlStatement } from "./sql_database.ts";

/** Changes are forgotten so many at a time. */
const TRIM = 256;
/** Behind every text that begins with what stands before it. */
const LAST = "\u{10FFFF}\u{10FFFF}";

/** What a transaction that is taken back has changed of a table's counters. */
export interface TableCounters {
  readonly revision: number;
  readonly kept: number;
  readonly keptBytes: number;
  readonly trimmedTo: number;
  readonly count: number | undefined;
}

/** An entry as it is stored. */
export interface StoredEntry {
  readonly revision: number;
  readonly text: string;
}

/** Reads and writes one collection; nothing here begins or ends a transaction. */
export class CollectionTable {
  readonly number: number;
  spec: CollectionSpec;
  /** Tells those who follow the collection. */
  readonly tell: () => void;
  /** Of the last change; 0 before the first. */
  revision = 0;
  readonly #database: SqlDatabase;
  readonly #statements: Readonly<
    Record<
      "get" | "put" | "delete" | "list" | "count" | "log" | "changes" | "changed" | "oldest" | "trim",
      SqlStatement
    >
  >;
  readonly #columns: ReadonlyMap<string, string>;
  #kept = 0;
  #keptBytes = 0;
  /** Changes up to this revision are forgotten. */
  #trimmedTo = 0;
  /** How many entries there are, once somebody has asked: to count them takes a look at all. */
  #count: number | undefined;

  /** Takes a collection whose tables are there. */
  constructor(database: SqlDatabase, number: number, spec: CollectionSpec, tell: () => void) {
    this.#database = database;
    this.tell = tell;
    this.number = number;
    this.spec = spec;
    const [entries, log] = [`c${number}`, `l${number}`];
    this.#statements = {
      get: database.prepare(`SELECT revision, value FROM ${entries} WHERE key = ?`),
      put: database.prepare(
        `INSERT INTO ${entries} (key, revision, value) VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value`,
      ),
      delete: database.prepare(`DELETE FROM ${entries} WHERE key = ?`),
      list: database.prepare(
        `SELECT key, revision, value FROM ${entries}
         WHERE key >= ?1 AND key > ?2 AND key < ?1 || '${LAST}' ORDER BY key ${boundLimit("?3")}`,
      ),
      count: database.prepare(`SELECT COUNT(*) AS count FROM ${entries}`),
      log: database.prepare(
        `INSERT INTO ${log} (revision, key, old, new, at, size) VALUES (?, ?, ?, ?, ?, ?)`,
      ),
      changes: database.prepare(
        `SELECT revision, key, old, new, at FROM ${log} WHERE revision > ? ORDER BY revision ${boundLimit()}`,
      ),
      changed: database.prepare(
        `SELECT revision, key, new, at FROM ${log} WHERE revision > ? ORDER BY revision`,
      ),
      oldest: database.prepare(`SELECT revision, size FROM ${log} ORDER BY revision LIMIT ${TRIM}`),
      trim: database.prepare(`DELETE FROM ${log} WHERE revision <= ?`),
    };
    this.#columns = indexColumns(spec.index);
    this.#load();
  }

  /**
   * Makes the tables of a collection, or adds indexes to those that are there.
   * @param revision of the last change of all: what was before it is not kept
   */
  static prepare(database: SqlDatabase, number: number, spec: CollectionSpec, revision: number): void {
    database.exec(`
      CREATE TABLE IF NOT EXISTS c${number} (
        key TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, value TEXT NOT NULL
      );
      CREATE TABLE IF NOT EXISTS l${number} (
        revision INTEGER PRIMARY KEY, key TEXT NOT NULL, old TEXT, new TEXT, at INTEGER NOT NULL, size INTEGER NOT NULL
      );
    `);
    database.prepare("INSERT OR IGNORE INTO trimmed VALUES (?, ?)").run(number, revision);
    const there = database.prepare(`PRAGMA table_xinfo(c${number})`).all();
    for (const [property, column] of indexColumns(spec.index)) {
      if (there.some(({ name }) => name === unquoted(column))) continue;
      database.exec(`
        ALTER TABLE c${number} ADD COLUMN ${column} GENERATED ALWAYS AS (${
        propertySql("value", property.split("."))
      }) VIRTUAL;
        CREATE INDEX ${quoted(`n${number} ${property}`)} ON c${number} (${column} COLLATE NOCASE, key);
        CREATE INDEX ${quoted(`b${number} ${property}`)} ON c${number} (${column} COLLATE BINARY, key);
      `);
    }
  }

  /** Forgets the collection, for good. */
  static drop(database: SqlDatabase, number: number): void {
    database.exec(
      `DROP TABLE c${number}; DROP TABLE l${number}; DELETE FROM trimmed WHERE number = ${number}`,
    );
  }

  /** Where the counters are, so that they can be put back. */
  get counters(): TableCounters {
    return {
      revision: this.revision,
      kept: this.#kept,
      keptBytes: this.#keptBytes,
      trimmedTo: this.#trimmedTo,
      count: this.#count,
    };
  }

  /** Puts the counters back, after what was written has been taken back. */
  restore({ revision, kept, keptBytes, trimmedTo, count }: TableCounters): void {
    this.revision = revision;
    this.#kept = kept;
    this.#keptBytes = keptBytes;
    this.#trimmedTo = trimmedTo;
    this.#count = count;
  }

  #load(): void {
    const row = this.#database.prepare(
      `SELECT MAX(revision) AS revision, COUNT(*) AS kept, SUM(size) AS bytes FROM l${this.number}`,
    ).get();
    this.revision = Number(row?.["revision"] ?? 0);
    this.#kept = Number(row?.["kept"] ?? 0);
    this.#keptBytes = Number(row?.["bytes"] ?? 0);
    const trimmed = this.#database.prepare("SELECT revision FROM trimmed WHERE number = ?").get(this.number);
    this.#trimmedTo = Number(trimmed?.["revision"] ?? 0);
    this.revision = Math.max(this.revision, this.#trimmedTo);
  }

  find(key: string): StoredEntry | undefined {
    const row = this.#statements.get.get(key);
    return row && { revision: row["revision"] as number, text: row["value"] as string };
  }

  count(): number {
    return this.#count ??= Number(this.#statements.count.get()?.["count"] ?? 0);
  }

  /** @param text undefined to delete it @param before as it is now */
  write(
    key: string,
    text: string | undefined,
    before: StoredEntry | undefined,
    revision: number,
    at: number,
  ): void {
    if (text === undefined) this.#statements.delete.run(key);
    else this.#statements.put.run(key, revision, text);
    if (this.#count !== undefined) {
      this.#count += Number(text !== undefined) - Number(before !== undefined);
    }
    this.#log({ key, before: before?.text, after: text, revision, at });
  }

  #log({ key, before, after, revision, at }: {
    readonly key: string;
    readonly before: string | undefined;
    readonly after: string | undefined;
    readonly revision: number;
    readonly at: number;
  }): void {
    const size = key.length + (after?.length ?? 0) + (before?.length ?? 0);
    this.#statements.log.run(revision, key, before ?? null, after ?? null, at, size);
    this.revision = revision;
    this.#kept++;
    this.#keptBytes += size;
    if (this.#kept > MAX_KEPT_CHANGES || this.#keptBytes > MAX_KEPT_CHANGE_BYTES) this.#trim();
  }

  *list({ prefix = "", after = "", limit }: ListRequest): Generator<Entry> {
    const room = new AnswerRoom();
    let isFirst = true;
    for (const row of this.#statements.list.iterate(prefix, after, limit)) {
      const text = row["value"] as string;
      if (!room.take(text) && !isFirst) return;
      isFirst = false;
      yield { key: row["key"] as string, value: JSON.parse(text), revision: row["revision"] as number };
    }
  }

  /** Whether all changes after a revision are kept. */
  keepsAfter(revision: number): boolean {
    return revision >= this.#trimmedTo;
  }

  /** @returns at most so many, and as many as one answer holds, but one */
  changes(after: number, limit: number): Change[] {
    const room = new AnswerRoom();
    const changes: Change[] = [];
    for (const row of this.#changesAfter(after, limit)) {
      const [old, now] = [row["old"], row["new"]].map((text) => typeof text === "string" ? text : "");
      const hasRoom = room.take(old ?? "") && room.take(now ?? "");
      if (!hasRoom && changes.length > 0) break;
      changes.push({
        revision: row["revision"] as number,
        key: row["key"] as string,
        old: parsed(old),
        new: parsed(now),
        at: row["at"] as number,
      });
    }
    return changes;
  }

  /** Whoever watches mostly asks for the last one, or finds none: to begin to iterate takes four times as long. */
  #changesAfter(after: number, limit: number): Iterable<SqlRow> {
    if (after >= this.revision) return [];
    const { changes } = this.#statements;
    const first = changes.get(after, 1);
    return first?.["revision"] === this.revision ? [first] : changes.iterate(after, limit);
  }

  /** All changes after a revision, the oldest first, without what was there before them. */
  changedAfter(revision: number): Iterable<SqlRow> {
    return this.#statements.changed.iterate(revision);
  }

  /** Puts an entry there that was written elsewhere; it is no change. */
  place(key: string, text: string, revision: number): void {
    this.#statements.put.run(key, revision, text);
    this.#count = undefined;
  }

  /** Takes over a change that was made elsewhere, with what was there before it. */
  enter({ key: given, old, new: now, revision, at }: Change): void {
    const key = keyText(given);
    const [before, after] = [old, now].map((value) => value && documentText(value));
    if (after === undefined) this.#statements.delete.run(key);
    else this.#statements.put.run(key, revision, after);
    if (revision <= this.revision) return;
    this.#log({ key, before, after, revision, at });
    this.#count = undefined;
  }

  /** Keeps no changes up to a revision, at which it stands then. */
  forgetChanges(revision: number): void {
    this.#statements.trim.run(revision);
    this.#database.prepare("UPDATE trimmed SET revision = ? WHERE number = ?").run(revision, this.number);
    this.#load();
  }

  /** Takes its tables away. */
  dropTables(): void {
    CollectionTable.drop(this.#database, this.number);
  }

  /** What queries are compiled for. @param sees the SQL of whether a row is there for the caller */
  source(sees: string): SqlSource {
    return {
      table: `(SELECT * FROM c${this.number} WHERE ${sees})`,
      key: "key",
      document: "value",
      columns: (path: Path) => this.#columns.get(path.join(".")),
    };
  }

  #trim(): void {
    let last = 0;
    for (const row of this.#statements.oldest.all()) {
      last = row["revision"] as number;
      this.#kept--;
      this.#keptBytes -= row["size"] as number;
    }
    this.#statements.trim.run(last);
    this.#database.prepare("UPDATE trimmed SET revision = ? WHERE number = ?").run(last, this.number);
    this.#trimmedTo = last;
  }
}

/** The column of each indexed property; its name is of the property, so that adding one changes no other. */
function indexColumns(index: readonly string[]): ReadonlyMap<string, string> {
  return new Map(index.map((property) => [property, quoted(`p ${property}`)]));
}

/** SQL-92 §5.2, delimited identifiers. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll('""', '"');
}

function parsed(text: string | undefined): Document | undefined {
  return text ? JSON.parse(text) : undefined;
}
