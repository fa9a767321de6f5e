/**
 * A copy of a collection, as a program has it.
 * @module
 */

import {
  compareTexts,
  compileFilter,
  evaluate,
  formatQuery,
  type JsonValue,
  parseFilter,
  parseQuery,
  type Query,
  type QueryBuilder,
  QueryError,
  type QueryParameters,
  type QueryRow,
} from "../../../query/mod.ts";
import type { CallOptions } from "../../../service/mod.ts";
import { DEFAULT_COPY_AGE_MS, DEFAULT_COPY_BYTES, DEFAULT_COPY_ROWS } from "../../bounds.ts";
import { keyText } from "../../documents.ts";
import type { Document, Entry } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import type { Key, ListOptions, ReadEntry } from "../entries.ts";
import type { DataCalls } from "../data_calls.ts";
import { CopySource } from "./copy_source.ts";
import { CopyRoom, type CopyRow, CopyState } from "./copy_state.ts";

const MIN_AGE_MS = 100;
const MAX_AGE_MS = 86_400_000;
const MIN_ASK_MS = 25;
/** So many texts of queries are kept as they were read. */
const MAX_KEPT_QUERIES = 64;

/** What is copied, and how old it may be. */
export interface CopyOptions {
  /** A condition such as `status = open`: the copy has the entries of which it is true. */
  readonly where?: string;
  /** The values of its parameters. */
  readonly parameters?: QueryParameters;
  /** How old what is read may be, in milliseconds, 100 to a day; 5,000 unless given. The owner is asked three times in that. */
  readonly maxAgeMs?: number;
  /** How many entries it may have; 100,000 unless given. */
  readonly maxRows?: number;
  /** How many bytes those may have, two for a character of their JSON; 64 MiB unless given. */
  readonly maxBytes?: number;
}

/** The collection, as far as a copy has to do with it. */
interface Copied {
  readonly name: string;
  /** What an entry says by the present version of the schema. */
  current(entry: Entry): Promise<Document>;
}

/**
 * A copy of a collection, or of a part of it, in this program's memory, that follows what is written. It is filled once, and then
 * told of each change in the order of one owner's, so that what is read was so at the owner no longer than `age` ago. Reads
 * wait for nobody; where the copy is older than `maxAgeMs` they throw a `DataError` with code `TooOld`, and `refresh` waits.
 * The changes of a transaction come one behind the other, and of several shards each follows its own owner.
 *
 * A copy whose program may not read any more is emptied, and reads throw why (`Refused`, `Sealed`) until it may again. One that
 * would have more than it may is emptied, and ends (`TooLarge`).
 */
export class Copy<Value extends Document = Document> implements Disposable {
  readonly #calls: DataCalls;
  readonly #collection: string;
  readonly #maxAgeMs: number;
  readonly #sources: readonly CopySource[];
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly #queries = new Map<string, Query>();
  /** Of each source whose entries may not be shown. */
  readonly #failures = new Map<number, unknown>();
  #isStarted = false;

  /**
   * @internal
   * @param isMigrated whether entries say something else than what is kept
   */
  constructor(calls: DataCalls, copied: Copied, isMigrated: boolean, options: CopyOptions) {
    const { name: collection } = copied;
    const { where, parameters, maxAgeMs = DEFAULT_COPY_AGE_MS } = options;
    const { maxRows = DEFAULT_COPY_ROWS, maxBytes = DEFAULT_COPY_BYTES } = options;
    if (!(maxAgeMs >= MIN_AGE_MS && maxAgeMs <= MAX_AGE_MS)) {
      throw new RangeError(`maxAgeMs is a number from ${MIN_AGE_MS} to ${MAX_AGE_MS}`);
    }
    this.#calls = calls;
    this.#collection = collection;
    this.#maxAgeMs = maxAgeMs;
    const isWanted = where === undefined
      ? undefined
      : readQuery(() => compileFilter(parseFilter(where), parameters));
    const sealer = calls.sealer(collection);
    // An owner looks at values as they are kept, and so would not tell of all that is wanted here.
    const isFiltered = where !== undefined && sealer === undefined && !isMigrated;
    const read = async (entry: Entry): Promise<CopyRow | undefined> => {
      const opened = sealer === undefined ? entry : await sealer.openEntry(entry);
      const value = await copied.current(opened);
      if (isWanted !== undefined && !isWanted(value)) return undefined;
      const { key, revision } = entry;
      return { key, revision, value: frozen(value), size: 2 * (key.length + JSON.stringify(value).length) };
    };
    const room = new CopyRoom(maxRows, maxBytes);
    this.#sources = askers(calls, collection).map((ask, i) =>
      new CopySource(new CopyState(room), {
        ...{ calls, collection, ask, read },
        filter: isFiltered ? { where, ...parameters !== undefined && { parameters } } : {},
        askMs: Math.max(MIN_ASK_MS, maxAgeMs / 3),
        onChange: () => {
          if (this.#sources[i]?.state.rows !== undefined) this.#failures.delete(i);
          this.#wake();
        },
        onAway: (error) => this.#isStarted || this.#handleFailure(i, error),
        onFailure: (error) => this.#handleFailure(i, error),
      })
    );
  }

  /**
   * Fills it, once.
   * @internal
   * @throws DataError when it can't be filled
   */
  async start(): Promise<this> {
    for (const source of this.#sources) void source.run(this.#abort.signal);
    try {
      await this.#until(() => this.#sources.every(({ state }) => state.rows !== undefined));
      this.#isStarted = true;
      return this;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** So long ago, in milliseconds by this program's own clock, all of it was so at the owners, or later. */
  get age(): number {
    const oldest = Math.min(...this.#sources.map(({ state }) => state.asOf ?? -Infinity));
    return this.#calls.now() - oldest;
  }

  /** How many entries it has. @throws DataError as `get` does */
  get size(): number {
    return this.#shown().reduce((sum, rows) => sum + rows.size, 0);
  }

  /** Reads a value, which is frozen. @returns undefined when there is none @throws DataError with code `TooOld`, or why it is empty */
  get(key: Key): Value | undefined {
    return this.#find(key)?.value as Value | undefined;
  }

  /** Reads a value with its revision. @returns undefined when there is none @throws DataError as `get` does */
  entry(key: Key): ReadEntry<Value> | undefined {
    const row = this.#find(key);
    return row && this.#entryOf(row, this.age);
  }

  /** All entries, or those whose keys begin so, in the order of their keys. @throws DataError as `get` does */
  list({ prefix = "", after }: ListOptions = {}): readonly ReadEntry<Value>[] {
    const ageMs = this.age;
    const wanted = ({ key }: CopyRow) =>
      key.startsWith(prefix) && (after === undefined || compareTexts(key, after) > 0);
    return this.#rows().filter(wanted).sort((a, b) => compareTexts(a.key, b.key))
      .map((row) => this.#entryOf(row, ageMs));
  }

  /** Answers a query as the collection does, of what the copy has. @throws DataError with code `InvalidQuery`, or as `get` does */
  query<Row = JsonValue>(query: string, parameters?: QueryParameters): readonly Row[];
  /** Answers a query that was built. */
  query<Result>(query: QueryBuilder<Value, Result>, parameters?: QueryParameters): readonly Result[];
  query(given: string | QueryBuilder<Value, unknown>, parameters: QueryParameters = {}): readonly unknown[] {
    const text = typeof given === "string" ? given : formatQuery(given.toQuery());
    return readQuery(() => {
      const query = this.#queryOf(text);
      const collection = this.#collection;
      if (query.from !== collection) {
        throw new DataError("InvalidQuery", `The query is from ${query.from}, and ${collection} was asked`);
      }
      return evaluate(query, this.#rows() as readonly QueryRow[], parameters);
    });
  }

  /**
   * Waits until the copy has all that was written before: what this program wrote is read behind it.
   * @throws DataError why it is empty; the signal's reason
   */
  async refresh({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const since = this.#calls.now();
    await this.#until(() => {
      const late = this.#sources.filter(({ state }) => (state.asOf ?? -Infinity) < since);
      for (const source of late) source.hurry();
      return late.length === 0;
    }, signal);
  }

  /** Follows no more, and forgets what it has. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    for (const { state } of this.#sources) state.empty();
    this.#wake();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #find(key: Key): CopyRow | undefined {
    const text = keyText(key);
    const shown = this.#shown();
    const shard = shown.length === 1 ? 0 : this.#calls.router(this.#collection)?.shardOf(text);
    return shown[shard ?? 0]?.get(text);
  }

  #rows(): CopyRow[] {
    return this.#shown().flatMap((rows) => [...rows.values()]);
  }

  #entryOf({ key, value, revision }: CopyRow, ageMs: number): ReadEntry<Value> {
    return { key, value: value as Value, revision, ageMs };
  }

  /** @throws DataError */
  #shown(): readonly ReadonlyMap<string, CopyRow>[] {
    this.#check();
    const ageMs = this.age;
    const shown = this.#sources.map(({ state }) => state.rows).filter((rows) => rows !== undefined);
    if (shown.length === this.#sources.length && ageMs <= this.#maxAgeMs) return shown;
    throw new DataError(
      "TooOld",
      `The copy of ${this.#collection} is ${
        Number.isFinite(ageMs) ? `${Math.round(ageMs)} ms old` : "not filled"
      }`,
      { hint: "Its owner may be away. Wait by `refresh`, or read the collection itself." },
    );
  }

  /** @throws DataError why there is nothing to read, and can't be soon */
  #check(): void {
    if (this.#abort.signal.aborted) {
      throw new DataError("Failed", `The copy of ${this.#collection} was closed`);
    }
    for (const error of this.#failures.values()) throw error;
  }

  #handleFailure(source: number, error: unknown): void {
    this.#failures.set(source, error);
    this.#wake();
  }

  #queryOf(text: string): Query {
    const known = this.#queries.get(text);
    if (known !== undefined) return known;
    const query = parseQuery(text);
    if (this.#queries.size >= MAX_KEPT_QUERIES) this.#queries.clear();
    this.#queries.set(text, query);
    return query;
  }

  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    for (;;) {
      this.#check();
      if (isSo()) return;
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal?.addEventListener("abort", wake);
      });
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

type Asker = (
  action: string,
  params: Readonly<Record<string, unknown>>,
  options: CallOptions,
) => Promise<unknown>;

/** Who is asked for entries as they are kept: the one owner, or that of each shard. */
function askers(calls: DataCalls, collection: string): readonly Asker[] {
  const router = calls.router(collection);
  if (router === undefined) {
    return [(action, params, options) => calls.callStored(collection, action, params, options)];
  }
  return Array.from(
    { length: router.count },
    (_, shard): Asker => (action, params, options) => router.ask(shard, action, params, options),
  );
}

/** Freezes all of a value. */
function frozen(value: Document): Document {
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null && !Object.isFrozen(inner)) frozen(inner as Document);
  }
  return Object.freeze(value);
}

function readQuery<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new DataError("InvalidQuery", `Cannot answer the query: ${error.message}`, { cause: error });
  }
}
