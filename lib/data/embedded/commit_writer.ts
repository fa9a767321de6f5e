/**
 * Commits inside a transaction of SQLite: conditions, writes, and the ids under which they happen once.
 * @module
 */

import {
  MAX_ID_LENGTH,
  MAX_KEPT_IDS,
  MAX_KEPT_IDS_OF_ALL,
  MAX_OPERATIONS,
  MAX_RESULT_BYTES,
  MAX_TRANSACTION_BYTES,
} from "../bounds.ts";
import { documentText, isInnerName, keyOf, keyText } from "../documents.ts";
import type { Commit, CommitAnswer, Document, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionTable, StoredEntry } from "./collection_table.ts";
import type { GroupCommit } from "./group_commit.ts";
import type { SqlDatabase, SqlRow, SqlStatement } from "./sql_database.ts";

/** To find the oldest ids takes a look at all that are kept: so many may be more. */
export const FORGET_EACH = 256;

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
  /** Milliseconds since 1970. */
  wall(): number;
}

/** Applies commits, one after the other. */
export class CommitWriter {
  readonly #group: GroupCommit;
  readonly #tables: CommitTables;
  readonly #find: SqlStatement;
  readonly #keep: SqlStatement;
  readonly #forget: SqlStatement;

  constructor(database: SqlDatabase, group: GroupCommit, tables: CommitTables) {
    this.#group = group;
    this.#tables = tables;
    this.#find = database.prepare("SELECT origin, revisions, result, touched FROM transactions WHERE id = ?");
    this.#keep = database.prepare(
      `INSERT INTO transactions (id, origin, revisions, result, shard, revision, touched)
       VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING number`,
    );
    this.#forget = database.prepare(
      `DELETE FROM transactions WHERE origin = ?1 AND number <= (
         SELECT number FROM transactions WHERE origin = ?1 ORDER BY number DESC LIMIT 1 OFFSET ${MAX_KEPT_IDS})
       OR number <= (SELECT MAX(number) FROM transactions) - ${MAX_KEPT_IDS_OF_ALL}`,
    );
  }

  /** Reads what somebody wants to commit, before it waits for its turn. @throws DataError */
  read(commit: Commit): ReadyCommit {
    const { id, reads, writes } = commit;
    if (id !== undefined && (id === "" || id.length > MAX_ID_LENGTH)) {
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
    const result = commit.result === undefined ? undefined : JSON.stringify(commit.result);
    if (result !== undefined && result.length > MAX_RESULT_BYTES) {
      throw new DataError("TooLarge", `A transaction's result has at most ${MAX_RESULT_BYTES} bytes of JSON`);
    }
    return { commit, writes: ready, result };
  }

  /** @returns whether a commit of that id has happened */
  hasHappened(id: string): boolean {
    return this.#find.get(id) !== undefined;
  }

  /** Does all of it within work of the group, or throws. @throws DataError, and what SQLite throws */
  apply({ commit, writes, result }: ReadyCommit): CommitAnswer {
    const shard = shardOf(commit);
    const before = commit.id === undefined ? undefined : this.#find.get(keptId(shard, commit.id));
    if (before !== undefined) {
      checkSame(before, commit);
      return {
        revisions: JSON.parse(before["revisions"] as string),
        isRepeated: true,
        ...before["result"] !== null && { result: JSON.parse(before["result"] as string) },
      };
    }
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
      // By what is in the table, so that all copies of one log forget the same.
      const number = Number(this.#keep.get(...kept, shard ?? null, revision, touched)?.["number"]);
      if (number % FORGET_EACH === 0) this.#forget.run(origin);
    }
    for (const table of touched) this.#group.tell(table.tell);
    return { revisions, isRepeated: false, ...commit.result !== undefined && { result: commit.result } };
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
    const wanted = write.kind === "post" ? 0 : write.ifRevision;
    if (wanted !== undefined && wanted !== (before?.revision ?? 0)) {
      throw new DataError(
        write.kind === "post" ? "AlreadyExists" : "Conflict",
        write.kind === "post"
          ? `${write.collection} has ${JSON.stringify(key)} already`
          : `${write.collection} ${JSON.stringify(key)} is at revision ${
            before?.revision ?? 0
          }, not ${wanted}`,
      );
    }
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
