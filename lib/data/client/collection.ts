/**
 * A collection, as a program has it.
 * @module
 */

import {
  formatQuery,
  from,
  type JsonValue,
  type QueryBuilder,
  type QueryParameters,
} from "../../query/mod.ts";
import { type Schema, validate } from "../../service/mod.ts";
import { DEFAULT_MAX_AGE_MS, MAX_CACHED_ENTRIES } from "../bounds.ts";
import { cloneDocument, keyOf, keyText } from "../documents.ts";
import type { CollectionState, Document, Entry } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionSchema } from "../collection_schema.ts";
import { Copy, type CopyOptions } from "./copies/mod.ts";
import { type Migrate, Migration } from "./collection_model.ts";
import type { Durability } from "../shards/mod.ts";
import type { DataCalls } from "./data_calls.ts";
import type { Key, ListOptions, ReadEntry } from "./entries.ts";
import { Watch, type WatchOptions } from "./watch.ts";

/** How a collection is spread over members: in so many shards, for good. */
export type ShardsOption = number | {
  /** How many shards; 1 to 64. */
  readonly count: number;
  /** Over which members: a selector such as `role=data`; all unless given. */
  readonly over?: string;
  /** How many members follow the owner of each shard, 0 to 4; none unless given. */
  readonly replicas?: number;
  /**
   * `replicated`, unless given: a write is answered when all that follow in step have it on disk, so that none is lost with
   * its owner. `owner`: when its owner has; what was answered of late is lost with it.
   */
  readonly durability?: Durability;
};

/** What a collection is, to a program. */
export interface CollectionOptions<Value extends Document = Document> {
  /** Checks values before they are written, here; the owner keeps it as JSON Schema for others to see. */
  readonly schema?: Schema<unknown, Value>;
  /** Of the schema, from 1 on, 1 unless given: programs with a lower one can't write any more when one has a higher one. */
  readonly version?: number;
  /**
   * Makes of a value that a former version of the schema has written what the present one says; 0 stands for before there was
   * one. Asked of what is read, and of all there is when the collection is opened.
   */
  readonly migrate?: Migrate;
  /** The property that holds the key. */
  readonly key: string;
  /** Properties by which queries find without looking at every value. */
  readonly index?: readonly string[];
  /** Who may read, beside programs of the owner: a selector such as `role=web`; everybody unless given. */
  readonly read?: string;
  /** Who may write. */
  readonly write?: string;
  /**
   * Whose members alone can read its values: a selector such as `role=billing`. Programs there seal what they write; whoever
   * keeps it sees keys, sizes and times. It has no indexes, and queries read all of it.
   */
  readonly seal?: string;
  /** Spreads it over members when it is made; kept by one node unless given. */
  readonly shards?: ShardsOption;
}

/** How an entry is read. */
export interface ReadOptions {
  /** `fresh` asks the owner; `cached` takes what this program has read or written of late. `fresh` unless given. */
  readonly read?: "fresh" | "cached";
  /** How old that may be, in milliseconds; 1,000 unless given. */
  readonly maxAgeMs?: number;
}

/** When an entry is written. */
export interface WriteOptions {
  /** Only if it is at this revision; 0 for only if it is not there. */
  readonly ifRevision?: number;
  /** Under an id it is written once, however often it is tried. */
  readonly id?: string;
}

/** What came of a write. */
export interface WriteResult {
  /** Of the entry; 0 for a delete where nothing was. */
  readonly revision: number;
}

interface Cached {
  readonly entry: Entry | undefined;
  readonly at: number;
}

/**
 * Reads, writes, queries and watches one collection, wherever its owner is. Writes are on the owner's disk when they are
 * answered, and linearizable by key.
 */
export class Collection<Value extends Document = Document> {
  /** What it is called in the network. */
  readonly name: string;
  /** The name of the node that owned it when it was opened. */
  readonly owner: string;
  /** The property that holds the key. */
  readonly key: string;
  readonly #calls: DataCalls;
  readonly #options: CollectionOptions<Value>;
  readonly #cache = new Map<string, Cached>();
  /** What old entries become; undefined where there can be none. */
  #migration: Migration | undefined;

  /**
   * Made by `Node.collection`.
   * @internal
   */
  constructor(calls: DataCalls, name: string, owner: string, options: CollectionOptions<Value>) {
    this.#calls = calls;
    this.name = name;
    this.owner = owner;
    this.key = options.key;
    this.#options = options;
  }

  /** Reads a value. @returns undefined when there is none @throws DataError */
  async get(key: Key, options: ReadOptions = {}): Promise<Value | undefined> {
    return (await this.entry(key, options))?.value;
  }

  /** Reads a value with its revision. @returns undefined when there is none @throws DataError */
  async entry(key: Key, options: ReadOptions = {}): Promise<ReadEntry<Value> | undefined> {
    const text = keyText(key);
    const { read = "fresh", maxAgeMs = DEFAULT_MAX_AGE_MS } = options;
    const now = this.#calls.now();
    const cached = read === "cached" ? this.#cache.get(text) : undefined;
    const isGood = cached !== undefined && now - cached.at <= maxAgeMs;
    const { entry, at } = isGood
      ? cached
      : await (read === "cached" ? this.#readCached(text, maxAgeMs) : this.#read(text));
    if (entry === undefined) return undefined;
    const value = cloneDocument(await this.current(entry)) as Value;
    return { ...entry, value, ageMs: this.#calls.now() - at };
  }

  /** Writes a value whose key is new. @throws DataError with code `AlreadyExists` when it is not */
  post(value: Value, options: Pick<WriteOptions, "id"> = {}): Promise<WriteResult> {
    return this.#write("post", value, options);
  }

  /** Writes a value, in the place of what is there. @throws DataError with code `Conflict` when `ifRevision` is another */
  put(value: Value, options: WriteOptions = {}): Promise<WriteResult> {
    return this.#write("put", value, options);
  }

  /**
   * Replaces properties of a value, and leaves the others. With a schema the whole is read, checked and written if it is
   * still the same, again and again until it is.
   * @throws DataError with code `NotFound` when there is none, `Conflict` when `ifRevision` is another
   */
  async patch(key: Key, properties: Partial<Value>, options: WriteOptions = {}): Promise<WriteResult> {
    const text = keyText(key);
    // The owner knows the whole as it was written, and not what a migration makes of it.
    if (this.#options.schema === undefined && this.#migration === undefined) {
      return await this.#send("patch", text, { key: text, value: properties, ...options }, options);
    }
    for (;;) {
      const now = await this.entry(text);
      if (now === undefined) throw new DataError("NotFound", `${this.name} has no ${JSON.stringify(text)}`);
      const expected = options.ifRevision ?? now.revision;
      if (Object.hasOwn(properties, this.key) && keyOf(properties as Document, this.key) !== text) {
        throw new DataError("InvalidValue", `A patch can't change ${this.key}, which holds the key`);
      }
      try {
        return await this.put({ ...now.value, ...properties }, { ...options, ifRevision: expected });
      } catch (error) {
        const isLost = error instanceof DataError && error.code === "Conflict";
        if (!isLost || options.ifRevision !== undefined) throw error;
      }
    }
  }

  /** Takes an entry away. @returns revision 0 when there was none @throws DataError */
  delete(key: Key, options: WriteOptions = {}): Promise<WriteResult> {
    const text = keyText(key);
    return this.#send("delete", text, { key: text, ...options }, options);
  }

  /** All entries, or those whose keys begin so, in the order of their keys; read part by part. */
  async *list(options: ListOptions = {}): AsyncGenerator<ReadEntry<Value>> {
    let { after } = options;
    for (;;) {
      const asked = this.#calls.now();
      const part = await this.#calls.call(this.name, "list", {
        ...options.prefix !== undefined && { prefix: options.prefix },
        ...after !== undefined && { after },
      }, { idempotent: true }) as { readonly entries: readonly Entry[]; readonly after: string | null };
      for (const entry of part.entries) {
        const value = await this.current(entry) as Value;
        yield { ...entry, value, ageMs: this.#calls.now() - asked };
      }
      if (part.after === null) return;
      after = part.after;
    }
  }

  /**
   * Answers a query: `select id, total from orders where total > :least sort-by total descending limit 10`.
   * @param query one line; texts of others belong into parameters, not into it
   * @param parameters the values of its parameters
   * @throws DataError with code `InvalidQuery`, and what was wrong where
   */
  query<Row = JsonValue>(query: string, parameters?: QueryParameters): Promise<readonly Row[]>;
  /** Answers a query that was built: `orders.query(orders.rows.where("total", ">", 100).select("id"))`. */
  query<Result>(query: QueryBuilder<Value, Result>, parameters?: QueryParameters): Promise<readonly Result[]>;
  async query(
    given: string | QueryBuilder<Value, unknown>,
    parameters: QueryParameters = {},
  ): Promise<readonly unknown[]> {
    const query = typeof given === "string" ? given : formatQuery(given.toQuery());
    return await this.#calls.call(this.name, "query", { query, parameters }, {
      idempotent: true,
    }) as readonly unknown[];
  }

  /** All rows, of which a query is built whose properties and values the compiler knows. */
  get rows(): QueryBuilder<Value> {
    return from<Value>(this.name);
  }

  /** Tells of changes from now on, or after a revision. What it tells goes on when the owner comes back. */
  watch(options: WatchOptions = {}): Watch<Value> {
    return new Watch<Value>(this.#calls, this.name, options);
  }

  /**
   * Copies it, or a part of it, into this program's memory, and follows what is written: reads of that wait for nobody.
   * @throws DataError when it can't be filled: with code `TooLarge` when it would have more than it may
   */
  copy(options: CopyOptions = {}): Promise<Copy<Value>> {
    return new Copy<Value>(this.#calls, this, this.#migration !== undefined, options).start();
  }

  /** The id of the node that is asked about a key, where it is spread over members; it may have moved since. */
  ownerOf(key: Key): string | undefined {
    return this.#calls.router(this.name)?.ownerOf(keyText(key));
  }

  /** The number of the shard that a value is in; 0 where it has none. @throws DataError with code `InvalidKey` */
  shard(value: Document): number {
    return this.#calls.router(this.name)?.shardOf(keyOf(value, this.key)) ?? 0;
  }

  /** What the owner says of it. @throws DataError */
  async describe(): Promise<CollectionState> {
    return await this.#calls.call(this.name, "describe", undefined, { idempotent: true }) as CollectionState;
  }

  /**
   * Checks a value by the schema.
   * @internal
   * @returns what the schema makes of it @throws DataError with code `InvalidValue`
   */
  async check(value: Document): Promise<Document> {
    const { schema } = this.#options;
    if (schema === undefined) return value;
    const checked = await validate(schema, value);
    if ("value" in checked) return checked.value as Document;
    throw new DataError("InvalidValue", `Not what the schema of ${this.name} says: ${checked.issues}`);
  }

  /**
   * The version of the schema by which this program writes.
   * @internal
   */
  get version(): number | undefined {
    // Of one with shards nobody keeps it.
    if (this.#calls.router(this.name) !== undefined) return undefined;
    const { schema, version } = this.#options;
    return version ?? (schema === undefined ? undefined : 1);
  }

  /**
   * What an entry says by the present version of the schema.
   * @internal
   */
  async current(entry: Entry): Promise<Document> {
    return this.#migration === undefined ? entry.value : await this.#migration.apply(entry);
  }

  /**
   * Has what former versions have written be of this one, from now on.
   * @internal
   */
  async migrateFrom(schema: CollectionSchema): Promise<void> {
    const { migrate } = this.#options;
    if (migrate === undefined) return;
    const migration = new Migration(schema, migrate);
    if (!migration.isNeeded) return;
    this.#migration = migration;
    for await (const { key } of this.list()) await this.#rewrite(key, migration);
    await this.#calls.call(this.name, "adopt", { version: schema.version, isMigrated: true }, {
      idempotent: true,
    });
  }

  /** Writes one entry as the present version says it, unless it is so already. */
  async #rewrite(key: string, migration: Migration): Promise<void> {
    for (;;) {
      const { entry } = await this.#read(key);
      if (entry === undefined || !migration.isOld(entry)) return;
      try {
        await this.put(await migration.apply(entry) as Value, { ifRevision: entry.revision });
        return;
      } catch (error) {
        // Somebody else has written it, as the present version says or not.
        if (!(error instanceof DataError && error.code === "Conflict")) throw error;
      }
    }
  }

  /** Of a collection with shards any member that follows may answer. */
  async #readCached(key: string, maxAgeMs: number): Promise<Cached> {
    const router = this.#calls.router(this.name);
    if (router === undefined) return await this.#read(key);
    const { entry: stored, ageMs } = await router.cached(key, maxAgeMs);
    const at = this.#calls.now() - ageMs;
    const sealer = this.#calls.sealer(this.name);
    const entry = stored && sealer ? await sealer.openEntry(stored) : stored;
    const read = { entry, at };
    this.#keep(key, read);
    return read;
  }

  async #read(key: string): Promise<Cached> {
    // What the owner answers was so after it was asked.
    const at = this.#calls.now();
    const [entry] = await this.#calls.call(this.name, "get", { key }, {
      idempotent: true,
    }) as (Entry | null)[];
    const read = { entry: entry ?? undefined, at };
    this.#keep(key, read);
    return read;
  }

  async #write(kind: "put" | "post", value: Value, options: WriteOptions): Promise<WriteResult> {
    const checked = await this.check(value);
    return await this.#send(kind, keyOf(checked, this.key), { value: checked, ...options }, options);
  }

  async #send(action: string, key: string, fields: object, { id }: WriteOptions): Promise<WriteResult> {
    const { version } = this;
    const params = version === undefined ? fields : { ...fields, versions: { [this.name]: version } };
    try {
      const options = id === undefined ? {} : { idempotent: true };
      return await this.#calls.call(this.name, action, params, options) as WriteResult;
    } finally {
      // Whatever came of it, what is known is old.
      this.#cache.delete(key);
    }
  }

  #keep(key: string, read: Cached): void {
    const before = this.#cache.get(key);
    // Of two reads that overlap the later one knows more.
    if (before !== undefined && before.at > read.at) return;
    this.#cache.delete(key);
    this.#cache.set(key, read);
    if (this.#cache.size <= MAX_CACHED_ENTRIES) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }
}
