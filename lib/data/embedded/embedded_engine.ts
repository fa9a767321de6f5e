/**
 * Collections in one SQLite database.
 * @module
 */

import {
  compilePartialSql,
  compileSql,
  type JsonValue,
  type PartialResult,
  type Query,
  type QueryParameters,
} from "../../query/mod.ts";
import { MAX_DATABASE_BYTES, MAX_ENTRIES } from "../bounds.ts";
import { AnswerRoom, checkStoredSpec, keyText } from "../documents.ts";
import type {
  Change,
  CollectionSpec,
  CollectionState,
  Commit,
  CommitAnswer,
  DataEngine,
  Entry,
  KnownTransaction,
  ListRequest,
  QueryLimits,
} from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionTable } from "./collection_table.ts";
import { CollectionTables } from "./collection_tables.ts";
import { CommitWriter, keptId, locked, shardOf } from "./commit_writer.ts";
import { CopyTables, prepareCopies } from "./copy_tables.ts";
import { engineFailure } from "./failure.ts";
import { Followers } from "./followers.ts";
import { GroupCommit } from "./group_commit.ts";
import { moved, MoveTables, prepareMoves } from "./move_tables.ts";
import { LockDebts, PlaceLocks, PreparedTransactions, TransactionRows } from "./prepared/mod.ts";
import { EmbeddedQueues } from "./queues/mod.ts";
import type { SqlDatabase } from "./sql_database.ts";
import { answerTooLarge, TableQueries } from "./table_queries.ts";

/** What the tables are made by, once; the version stands in the file's header. */
export const DATA_SCHEMA = `
  CREATE TABLE collections (name TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL UNIQUE, spec TEXT NOT NULL);
  CREATE TABLE trimmed (number INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL);
  CREATE TABLE floor (revision INTEGER NOT NULL, number INTEGER NOT NULL);
  INSERT INTO floor VALUES (0, 0);
  CREATE TABLE transactions (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, origin TEXT NOT NULL, revisions TEXT NOT NULL, result TEXT
  );
  CREATE INDEX transactions_of ON transactions (origin, number);
`;

/** A full database lets workers take and end messages by so many pages more: else nothing would ever make room. */
const RESERVE_PAGES = 256;

/** What an engine stands on. */
export interface EmbeddedParts {
  /** Open, with the tables of `DATA_SCHEMA`, and written to by nobody else. What a COMMIT has returned from is durable. */
  readonly database: SqlDatabase;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /**
   * Of a copy of a log: when the message was appended that is being done, in milliseconds since 1970. Queues go by that
   * alone, so that all copies come to the same.
   */
  readonly loggedAt?: () => number;
  /** Calls back when what has arrived meanwhile has been handled; commits of that time become durable together. */
  readonly afterTurn: (fire: () => void) => void;
  /** How much the database may hold; 4 GiB unless given. */
  readonly maxBytes?: number;
  /** Called inside of each transaction before its COMMIT: what it writes is durable together with that. */
  readonly beforeCommit?: () => void;
}

/** Keeps collections and queues in SQLite, on the thread that it is made on. */
export class EmbeddedEngine implements DataEngine {
  readonly copies: CopyTables;
  readonly moves: MoveTables;
  readonly prepared: PreparedTransactions;
  readonly queues: EmbeddedQueues;
  readonly #database: SqlDatabase;
  readonly #tables: CollectionTables;
  readonly #writer: CommitWriter;
  readonly #locks: PlaceLocks;
  readonly #group: GroupCommit;
  readonly #beforeCommit: () => void;
  readonly #queries: TableQueries;
  readonly #followers = new Followers();
  /** Ids of commits that wait for their turn. */
  readonly #queued = new Set<string>();
  #isClosed = false;

  constructor(parts: EmbeddedParts) {
    const { database, maxBytes = MAX_DATABASE_BYTES } = parts;
    this.#database = database;
    const pageBytes = Number(database.prepare("PRAGMA page_size").get()?.["page_size"] ?? 4096);
    const maxPages = Math.ceil(maxBytes / pageBytes);
    const limitPages = (pages: number) => database.exec(`PRAGMA max_page_count = ${pages}`);
    limitPages(maxPages);
    this.#queries = new TableQueries(database);
    this.#beforeCommit = parts.beforeCommit ?? (() => {});
    this.#group = new GroupCommit(database, parts.afterTurn, {
      beforeCommit: this.#beforeCommit,
      isWhole: parts.loggedAt !== undefined,
    });
    prepareCopies(database);
    this.#tables = new CollectionTables(database, (name) => this.#followers.tell(name));
    const rows = new TransactionRows(database);
    this.#locks = new PlaceLocks((place) => rows.holders(place, this.#table(place).spec.key));
    const locks = this.#locks;
    this.copies = new CopyTables({
      database,
      group: this.#group,
      table: (name) => this.#table(name),
      run: (body) => this.#run(body),
      alone: (body) => this.#alone(body),
      locks,
      reload: () => this.#load(),
    });
    prepareMoves(database);
    this.moves = new MoveTables({
      database,
      group: this.#group,
      tables: this.#tables,
      tell: (name) => this.#followers.tell(name),
      run: (body) => this.#run(body),
      alone: (body) => this.#alone(body),
      reload: () => this.#load(),
      wall: parts.wall,
    });
    this.#writer = new CommitWriter(database, this.#group, {
      table: (name) => this.#table(name),
      nextRevision: (copy) =>
        copy === undefined ? this.#tables.nextRevision(this.#group) : this.copies.next(copy),
      checkWrite: (collection) => this.moves.checkWrite(collection),
      noteWrite: (collection) => this.moves.noteWrite(collection),
      wall: parts.wall,
      locks,
      rows,
    });
    this.prepared = new PreparedTransactions({
      ...{ rows, locks, writer: this.#writer, group: this.#group, debts: new LockDebts(parts.now) },
      isLogged: parts.loggedAt !== undefined,
      run: (body) => this.#run(body),
      nextOfCopy: (copy) => this.copies.next(copy),
    });
    this.#load();
    this.queues = new EmbeddedQueues({
      ...parts,
      group: this.#group,
      writer: this.#writer,
      withReserve: (work) => {
        limitPages(maxPages + RESERVE_PAGES);
        try {
          return work();
        } finally {
          limitPages(maxPages);
        }
      },
    });
  }

  collections(): Promise<readonly CollectionState[]> {
    return this.#run(() => this.#tables.names.map((name) => this.#state(this.#tables.get(name))));
  }

  describe(collection: string): Promise<CollectionState> {
    return this.#run(() => this.#state(this.#table(collection)));
  }

  revision(collection: string): Promise<number> {
    return this.#run(() => this.#table(collection).revision);
  }

  create(given: CollectionSpec): Promise<CollectionState> {
    return this.#run(() => {
      this.#group.flush();
      const spec = checkStoredSpec(given);
      const there = this.#tables.find(spec.name);
      if (this.moves.hasLeft(spec.name)) throw moved(spec.name);
      if (there === undefined && this.moves.isEntering(spec.name)) throw moved(spec.name);
      if (there === undefined) this.#tables.checkRoom(spec.name);
      if (there !== undefined && there.spec.key !== spec.key) {
        throw new DataError(
          "InvalidCollection",
          `Cannot open ${spec.name}: its key is ${there.spec.key}, not ${spec.key}`,
        );
      }
      if (there !== undefined && spec.seal !== undefined && there.spec.seal !== spec.seal) {
        throw new DataError(
          "InvalidCollection",
          `Cannot seal ${spec.name}: it is there already, and stays as it is`,
        );
      }
      const index = [...new Set([...there?.spec.index ?? [], ...spec.index])].sort();
      const whole = checkStoredSpec({ ...there?.spec, ...spec, index });
      this.#atomically(() => this.#tables.make(whole));
      this.#load();
      return this.#state(this.#table(spec.name));
    });
  }

  drop(collection: string): Promise<boolean> {
    return this.#run(() => {
      this.#group.flush();
      const table = this.#tables.find(collection);
      if (table === undefined) return false;
      if (this.moves.hasLeft(collection)) throw moved(collection);
      this.#atomically(() => {
        this.#tables.remove(collection);
        this.moves.forget(collection);
      });
      this.moves.load();
      this.#tables.forget(collection);
      this.#locks.forget(collection);
      table.tell();
      return true;
    });
  }

  get(
    collection: string,
    keys: readonly string[],
    mayBeOld = false,
  ): Promise<readonly (Entry | undefined)[]> {
    return this.#run(() => {
      const table = this.#table(collection);
      const locks = this.#locks.of(collection);
      const about = mayBeOld || locks.isEmpty ? undefined : keys.find((key) => locks.isWritten(keyText(key)));
      if (about !== undefined) throw locked(collection, about);
      if (keys.length > MAX_ENTRIES) {
        throw new DataError("TooLarge", `At most ${MAX_ENTRIES} are read at once`);
      }
      const room = new AnswerRoom();
      return keys.map((key) => {
        const found = table.find(keyText(key));
        if (found === undefined) return undefined;
        if (!room.take(found.text)) throw answerTooLarge();
        return { key, value: JSON.parse(found.text), revision: found.revision };
      });
    });
  }

  list(collection: string, request: ListRequest): Promise<readonly Entry[]> {
    return this.#run(() => {
      const limit = Math.max(1, Math.min(request.limit, MAX_ENTRIES));
      return [...this.#table(collection).list({ ...request, limit })];
    });
  }

  commit(commit: Commit): Promise<CommitAnswer> {
    return this.#run(() => {
      const ready = this.#writer.read(commit);
      const { id } = commit;
      const committed = this.#group.run(() => this.#writer.apply(ready));
      if (id === undefined) return committed;
      const queued = keptId(shardOf(commit), id);
      this.#queued.add(queued);
      return committed.finally(() => this.#queued.delete(queued));
    });
  }

  /** Reads a commit that comes later. @throws DataError when it is none, whatever is kept */
  check(commit: Commit): void {
    this.#writer.read(commit);
  }

  transaction(id: string): Promise<KnownTransaction | undefined> {
    return this.#run(() => {
      if (this.#queued.has(id)) return "queued";
      return this.#writer.hasHappened(id) ? "committed" : undefined;
    });
  }

  query(
    collection: string,
    query: Query,
    parameters: QueryParameters = {},
    limits: QueryLimits = {},
  ): Promise<readonly JsonValue[]> {
    return this.#run(() =>
      this.#queries.answer(this.#table(collection), query, parameters, compileSql, limits)
    );
  }

  partialQuery(
    collection: string,
    query: Query,
    parameters: QueryParameters = {},
    limits: QueryLimits = {},
  ): Promise<PartialResult> {
    return this.#run(() =>
      this.#queries.answer(this.#table(collection), query, parameters, compilePartialSql, limits)
    );
  }

  changes(collection: string, after: number, limit: number): Promise<readonly Change[]> {
    return this.#run(() => {
      const table = this.#table(collection);
      if (table.keepsAfter(after)) return table.changes(after, Math.min(limit, MAX_ENTRIES));
      throw new DataError(
        "Compacted",
        `The changes of ${collection} after revision ${after} are not kept any more`,
        {
          hint: "Read the collection anew, and watch from now on.",
          revision: table.revision,
        },
      );
    });
  }

  follow(collection: string, onChange: () => void): () => void {
    return this.#followers.add(collection, onChange);
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#group.close();
    this.#isClosed = true;
    this.queues.close();
    this.#database.close();
    this.#followers.tellAll();
    return Promise.resolve();
  }

  /** @throws DataError with code `UnknownCollection`, or `Moved` of one that has left */
  #table(name: string): CollectionTable {
    if (this.moves.hasLeft(name)) throw moved(name);
    return this.#tables.get(name);
  }

  #state(table: CollectionTable): CollectionState {
    return { ...table.spec, revision: table.revision, count: table.count() };
  }

  #load(): void {
    this.#tables.load();
    this.moves.load();
    this.#locks.forget();
  }

  /** After what waits, and with what is known of tables read anew when it fails. */
  #alone<T>(body: () => T): T {
    this.#group.flush();
    try {
      return this.#atomically(body);
    } catch (error) {
      this.#load();
      throw error;
    }
  }

  #atomically<T>(body: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = body();
      this.#beforeCommit();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Answers in the same turn, and by a promise all the same: other engines are elsewhere. */
  #run<T>(body: () => T | Promise<T>): Promise<T> {
    try {
      if (this.#isClosed) throw new DataError("OwnerAway", "The node that owns the collection stops");
      return Promise.resolve(body());
    } catch (error) {
      return Promise.reject(engineFailure(error));
    }
  }
}
