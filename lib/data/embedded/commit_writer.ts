/**
 * Commits inside a transaction of SQLite: conditions, writes, and the ids under which they happen once.
 * @module
 */

import {
  MAX_ID_LENGTH,
  MAX_KEPT_IDS,
  MAX_KEPT_IDS_OF_ALL,
  MAX_OPERATIONS,
  MAX_TRANSACTION_BYTES,
} from "../bounds.ts";
import { documentText, isIdText, isInnerName, keyOf, keyText, resultText } from "../documents.ts";
import type { Commit, CommitAnswer, Document, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { readBody } from "../transaction_body.ts";
import type { CollectionTable, StoredEntry } from "./collection_table.ts";
import type { GroupCommit } from "./group_commit.ts";
import {
  isMarked,
  NEXT_NUMBER,
  partId,
  type PlaceLocks,
  recordId,
  type TransactionRows,
} from "./prepared/mod.ts";
import type { SqlDatabase, SqlRow, SqlStatement } from "./sql_database.ts";

/** To find the oldest ids takes a look at all that are kept of an origin: so many may be more. */
export const FORGET_EACH = 256;
/** The same of all, where it takes 20 ms. */
export const FORGET_ALL_EACH = 4_096;
/** What is open is never forgotten. */
export const HAS_ENDED = "(state IS NULL OR state = 'rolled-back')";

/** A write that was read and found to be one. */
interface ReadyWrite {
  readonly write: Write;
  readonly key: string;
  /** Of put and post: the JSON. */
  readonly text: string | undefined;
}

/** A commit that was read and found to be one. */
export interface ReadyCommit {
  readonly commit: Commit;
  readonly writes: readonly ReadyWrite[];
  readonly result: string | undefined;
}

/** What the writer needs of its engine. */
export interface CommitTables {
  /** @throws DataError with code `UnknownCollection` */
  table(collection: string): CollectionTable;
  /** @returns a revision that was never there @param copy of a shard, which counts its own; undefined for collections */
  nextRevision(copy: string | undefined): number;
  /** Within work. @throws DataError with code `Moved` when a collection may not be written now */
  checkWrite(collection: string): void;
  /** Within work: what was prepared in a collection, held or not, comes to its end. */
  noteWrite(collection: string): void;
  /** Milliseconds since 1970. */
  wall(): number;
  /** What parts of transactions over several places have locked. */
  readonly locks: PlaceLocks;
  readonly rows: TransactionRows;
}

/** Applies commits, one after the other. */
export class CommitWriter {
  readonly #group: GroupCommit;
  readonly #tables: CommitTables;
  readonly #find: SqlStatement;
  /** Of collections that were moved here. */
  readonly #findEntered: SqlStatement;
  readonly #keep: SqlStatement;
  readonly #forget: SqlStatement;
  readonly #forgetOfAll: SqlStatement;

  constructor(database: SqlDatabase, group: GroupCommit, tables: CommitTables) {
    this.#group = group;
    this.#tables = tables;
    this.#findEntered = database.prepare(
      "SELECT origin, revisions, result, touched, NULL AS state, NULL AS body FROM entered WHERE id = ?",
    );
    this.#find = database.prepare(
      "SELECT origin, revisions, result, touched, state, body FROM transactions WHERE id = ?",
    );
    this.#keep = database.prepare(
      `INSERT INTO transactions (id, origin, revisions, result, shard, revision, touched)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET number = (${NEXT_NUMBER}), origin = excluded.origin,
         revisions = excluded.revisions, result = excluded.result, revision = excluded.revision,
         touched = excluded.touched, state = NULL, body = NULL
       RETURNING number`,
    );
    const oldest = (of: string, kept: number) =>
      `number <= (SELECT number FROM transactions${of} ORDER BY number DESC LIMIT 1 OFFSET ${kept})`;
    this.#forget = database.prepare(
      `DELETE FROM transactions WHERE ${HAS_ENDED} AND origin = ?1 AND ${
        oldest(" WHERE origin = ?1", MAX_KEPT_IDS)
      }`,
    );
    this.#forgetOfAll = database.prepare(
      `DELETE FROM transactions WHERE ${HAS_ENDED} AND ${oldest("", MAX_KEPT_IDS_OF_ALL)}`,
    );
  }

  /** Reads what somebody wants to commit, before it waits for its turn. @throws DataError */
  read(commit: Commit): ReadyCommit {
    const { id, reads, writes } = commit;
    if (id !== undefined && (!isIdText(id) || isMarked(id))) {
      throw new DataError("InvalidKey", `The id of a transaction has 1 to ${MAX_ID_LENGTH} characters`);
    }
    if (reads.length > MAX_OPERATIONS || writes.length > MAX_OPERATIONS) {
      throw new DataError("TooLarge", `A transaction has at most ${MAX_OPERATIONS} reads and so many writes`);
    }
    let bytes = 0;
    const ready = writes.map((write) => {
      const ready = this.#readWrite(write);
      bytes += ready.text?.length ?? 0;
      return ready;
    });
    if (bytes > MAX_TRANSACTION_BYTES) {
      throw new DataError("TooLarge", `A transaction writes at most ${MAX_TRANSACTION_BYTES} bytes of JSON`);
    }
    return { commit, writes: ready, result: resultText(commit.result) };
  }

  /** @returns whether a commit of that id has happened */
  hasHappened(id: string): boolean {
    return this.#find.get(id)?.["state"] === null || this.#findEntered.get(id) !== undefined;
  }

  /**
   * @param place the copy of a shard, or a collection
   * @param attempt that may be open here itself
   * @returns what a commit of that id has given here, by itself or as a part of one over several places; undefined when it
   *   has not happened
   * @throws DataError with code `AlreadyExists` when it is another one's, `Locked` when another attempt is open
   */
  happened(
    place: string,
    commit: Commit & { readonly id: string },
    attempt?: string,
  ): CommitAnswer | undefined {
    const { id } = commit;
    const ids = isInnerName(place)
      ? [keptId(place, id), recordId(place, id)]
      : this.#tables.rows.hasPlain
      ? [id, partId(place, id), recordId(place, id)]
      : [id];
    const entered = isInnerName(place)
      ? []
      : [id, partId(place, id), recordId(place, id)].map((one) => this.#findEntered.get(one));
    const rows = [...ids.map((one) => this.#find.get(one)), ...entered].filter((row) => row !== undefined);
    const row = rows.find(({ state }) => state === null || state === "decided");
    if (row !== undefined) {
      checkSame(row, commit);
      return {
        revisions: JSON.parse(row["revisions"] as string),
        isRepeated: true,
        ...row["result"] !== null && { result: JSON.parse(row["result"] as string) },
      };
    }
    const isOther = ({ state, body, origin }: SqlRow) =>
      state !== "rolled-back" &&
      (readBody(body)?.attempt !== attempt || origin !== (commit.origin ?? ""));
    if (rows.some(isOther)) {
      throw new DataError("Locked", `Another attempt of ${JSON.stringify(id)} is under way`);
    }
    return undefined;
  }

  /** @throws DataError with code `Moved` when nothing may begin in a collection now */
  checkWrite(collection: string): void {
    this.#tables.checkWrite(collection);
  }

  /**
   * A part or a record has ended, also where it is held: the oldest ids of its origin are forgotten now and then.
   * @param number of its row
   */
  noteEnded(collection: string, origin: string, number: number): void {
    this.#tables.noteWrite(collection);
    this.#forgetAt(number, origin);
  }

  /** By what is in the table, so that all copies of one log forget the same. */
  #forgetAt(number: number, origin: string): void {
    if (number % FORGET_EACH === 0) this.#forget.run(origin);
    if (number % FORGET_ALL_EACH === 0) this.#forgetOfAll.run();
  }

  /** @throws DataError with code `UnknownCollection` */
  checkThere(collection: string): void {
    this.#tables.table(collection);
  }

  /** Checks that a part of a transaction would be written now, and that its keys are free. @throws DataError */
  checkPart({ commit, writes }: ReadyCommit): void {
    for (const collection of collectionsOf(commit)) this.#tables.checkWrite(collection);
    this.#checkLocks(commit, writes);
    for (const read of commit.reads) this.#checkRead(read);
    const isThere = new Map<string, boolean>();
    for (const { write, key } of writes) {
      const before = this.#tables.table(write.collection).find(key);
      const after = isThere.get(key);
      checkCondition(write, key, after === undefined ? before?.revision ?? 0 : Number(after));
      isThere.set(key, write.kind !== "delete");
    }
  }

  /** Writes a part that was checked, and whose keys were locked since. @returns the revision of each write */
  writePart({ writes }: ReadyCommit): readonly number[] {
    const touched = new Set<CollectionTable>();
    const revisions = writes.map((ready) => this.#write(ready, touched));
    for (const table of touched) this.#group.tell(table.tell);
    return revisions;
  }

  /** Does all of it within work of the group, or throws. @throws DataError, and what SQLite throws */
  apply({ commit, writes, result }: ReadyCommit): CommitAnswer {
    const shard = shardOf(commit);
    const before = this.#happenedBefore(shard, commit);
    if (before !== undefined) return before;
    for (const collection of collectionsOf(commit)) this.#tables.checkWrite(collection);
    this.#checkLocks(commit, writes);
    for (const read of commit.reads) this.#checkRead(read);
    const touched = new Set<CollectionTable>();
    const revisions = writes.map((ready) => this.#write(ready, touched));
    if (commit.id !== undefined) {
      const { origin = "" } = commit;
      const kept = [keptId(shard, commit.id), origin, JSON.stringify(revisions), result ?? null] as const;
      // What has changed nothing has its place among the changes, too, so that copies come by it.
      const revision = shard === undefined
        ? null
        : Math.max(0, ...revisions) || this.#tables.nextRevision(shard);
      const touched = JSON.stringify([...collectionsOf(commit)]);
      this.#forgetAt(Number(this.#keep.get(...kept, shard ?? null, revision, touched)?.["number"]), origin);
    }
    for (const table of touched) this.#group.tell(table.tell);
    return { revisions, isRepeated: false, ...commit.result !== undefined && { result: commit.result } };
  }

  #happenedBefore(shard: string | undefined, { id, ...commit }: Commit): CommitAnswer | undefined {
    if (id === undefined) return undefined;
    for (const place of shard === undefined ? collectionsOf(commit) : [shard]) {
      const before = this.happened(place, { ...commit, id });
      if (before !== undefined) return before;
    }
    return undefined;
  }

  /** @throws DataError with code `Locked` where a transaction over several places is about to end */
  #checkLocks({ reads }: Commit, writes: readonly ReadyWrite[]): void {
    for (const { write: { collection }, key } of writes) {
      if (this.#tables.locks.of(collection).isLocked(key)) throw locked(collection, key);
    }
    for (const { collection, key } of reads) {
      const locks = this.#tables.locks.of(collection);
      if (locks.isEmpty) continue;
      if (key === undefined || locks.isWritten(keyText(key))) throw locked(collection, key);
    }
  }

  #readWrite(write: Write): ReadyWrite {
    const { spec } = this.#tables.table(write.collection);
    if (write.kind === "delete") return { write, key: keyText(write.key), text: undefined };
    const text = documentText(write.value);
    if (write.kind !== "patch") return { write, key: keyOf(write.value, spec.key), text };
    const key = keyText(write.key);
    if (Object.hasOwn(write.value, spec.key) && keyOf(write.value, spec.key) !== key) {
      throw new DataError("InvalidValue", `A patch can't change ${spec.key}, which holds the key`);
    }
    return { write, key, text };
  }

  #checkRead({ collection, key, revision }: ReadMark): void {
    const table = this.#tables.table(collection);
    const now = key === undefined ? table.revision : table.find(keyText(key))?.revision ?? 0;
    if (now === revision) return;
    const what = key === undefined ? collection : `${collection} ${JSON.stringify(key)}`;
    throw new DataError("Conflict", `${what} was changed by somebody else meanwhile`);
  }

  /** @returns the revision of the write */
  #write({ write, key, text }: ReadyWrite, touched: Set<CollectionTable>): number {
    const table = this.#tables.table(write.collection);
    const before = table.find(key);
    checkCondition(write, key, before?.revision ?? 0);
    if (write.kind === "delete" && before === undefined) return 0;
    const after = write.kind === "patch" ? patched(write.value, before, write.collection, key) : text;
    if (!touched.has(table)) {
      touched.add(table);
      const { counters } = table;
      this.#group.undo(() => table.restore(counters));
    }
    const revision = this.#tables.nextRevision(copyNamed(write.collection));
    table.write(key, after, before, revision, this.#tables.wall());
    return revision;
  }
}

/** @param now the revision of the entry, 0 for none @throws DataError with code `AlreadyExists` or `Conflict` */
function checkCondition(write: Write, key: string, now: number): void {
  const wanted = write.kind === "post" ? 0 : write.ifRevision;
  if (wanted === undefined || wanted === now) return;
  const what = `${write.collection} ${JSON.stringify(key)}`;
  throw write.kind === "post"
    ? new DataError("AlreadyExists", `${write.collection} has ${JSON.stringify(key)} already`)
    : new DataError("Conflict", `${what} is at revision ${now}, not ${wanted}`);
}

/** @returns what says that a transaction over several places is about to end */
export function locked(collection: string, key: string | undefined): DataError {
  const what = key === undefined ? collection : `${collection} ${JSON.stringify(key)}`;
  return new DataError("Locked", `A transaction that touches ${what} is about to end`);
}

/** The id by which a commit is known here: those of one shard are apart from all others. */
export function keptId(shard: string | undefined, id: string): string {
  return shard === undefined ? id : `${shard}/${id}`;
}

/** The copy of a shard that a commit is about. */
export function shardOf({ reads, writes }: Commit): string | undefined {
  return copyNamed((writes[0] ?? reads[0])?.collection);
}

function copyNamed(collection: string | undefined): string | undefined {
  return collection !== undefined && isInnerName(collection) ? collection : undefined;
}

function collectionsOf({ reads, writes }: Commit): ReadonlySet<string> {
  return new Set([...writes, ...reads].map(({ collection }) => collection));
}

/**
 * Whoever guesses an id must not have others' transaction pass for one that has happened, nor read what that has given.
 * Sent again it may take another turn of its body, so that one collection of both is enough.
 * @throws DataError with code `AlreadyExists`
 */
function checkSame({ origin, touched }: SqlRow, commit: Commit): void {
  // Former releases have not kept it.
  if (touched === null || touched === undefined || origin === (commit.origin ?? "")) return;
  const collections = collectionsOf(commit);
  const kept: readonly string[] = JSON.parse(touched as string);
  if (kept.length === 0 || kept.some((collection) => collections.has(collection))) return;
  throw new DataError(
    "AlreadyExists",
    `${JSON.stringify(commit.id)} is the id of another node's transaction, over other collections`,
    { hint: "An id is for one transaction alone: begin it with what names that, and let nobody guess it." },
  );
}

/** @returns the JSON of an entry with the properties that a patch names replaced */
function patched(
  value: Document,
  before: StoredEntry | undefined,
  collection: string,
  key: string,
): string {
  if (before !== undefined) return documentText({ ...JSON.parse(before.text), ...value });
  throw new DataError("NotFound", `${collection} has no ${JSON.stringify(key)}`);
}
