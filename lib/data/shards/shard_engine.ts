/**
 * One shard as an engine: what it reads and writes is that of the copy of its owner, and is answered when it can't be undone.
 * @module
 */

import type { JsonValue, Query, QueryParameters } from "../../query/mod.ts";
import { MAX_ENTRIES } from "../bounds.ts";
import type {
  Change,
  CollectionSpec,
  CollectionState,
  Commit,
  CommitAnswer,
  CopyStore,
  DataEngine,
  Entry,
  KnownTransaction,
  ListRequest,
  PrepareRequest,
  QueryLimits,
} from "../engine.ts";
import { DataError } from "../errors.ts";
import { keyOf } from "../documents.ts";
import { shardOf } from "./layout/mod.ts";
import type { ShardCopy } from "./shard_copy.ts";
import { ShardTransactions } from "./transactions/mod.ts";

/** What the shards of one collection stand on. */
export interface ShardEngineParts {
  readonly engine: DataEngine;
  readonly copies: CopyStore;
  /** The collection's. */
  readonly spec: CollectionSpec;
  /** Of shards. */
  readonly count: number;
}

/** Answers for one shard of one collection, under the collection's name. */
export class ShardEngine implements DataEngine {
  readonly prepared: ShardTransactions | undefined;
  readonly #parts: ShardEngineParts;
  readonly #engine: DataEngine;
  readonly #copy: ShardCopy;
  /** Whether what it reads may be older, and come from one that follows. */
  readonly #isCached: boolean;
  #drawn = 0;

  constructor(parts: ShardEngineParts, copy: ShardCopy, isCached = false) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.#copy = copy;
    this.#isCached = isCached;
    const { prepared } = parts.engine;
    this.prepared = prepared && new ShardTransactions(prepared, copy, (request) => this.#checkPart(request));
  }

  async collections(): Promise<readonly CollectionState[]> {
    return [await this.describe()];
  }

  describe(): Promise<CollectionState> {
    return this.#read(async () => ({
      ...await this.#engine.describe(this.#copy.stored),
      name: this.#parts.spec.name,
    }));
  }

  revision(): Promise<number> {
    return this.#read(() => this.#engine.revision(this.#copy.stored));
  }

  create(): Promise<CollectionState> {
    return Promise.reject(new DataError("Failed", "A shard is made by the home of its collection"));
  }

  drop(): Promise<boolean> {
    return Promise.reject(new DataError("Failed", "A shard is dropped by the home of its collection"));
  }

  async get(_: string, keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    for (const key of keys) this.#checkKey(key);
    return await this.#read(() => this.#engine.get(this.#copy.stored, keys, this.#isCached));
  }

  list(_: string, request: ListRequest): Promise<readonly Entry[]> {
    return this.#read(() => this.#engine.list(this.#copy.stored, request));
  }

  commit(commit: Commit): Promise<CommitAnswer> {
    return this.#copy.serve(async (term) => {
      const mapped = await this.#mapped(commit);
      let answer: CommitAnswer | DataError;
      try {
        answer = await this.#engine.commit(mapped);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        // What it has met may not have happened for good, either.
        answer = error;
      }
      await this.#copy.confirm(term);
      if (answer instanceof DataError) throw answer;
      return answer;
    });
  }

  transaction(id: string): Promise<KnownTransaction | undefined> {
    const { stored } = this.#copy;
    return this.#read(async () =>
      await this.#engine.transaction(`${stored}/${id}`) ?? await this.#engine.prepared?.state(stored, id)
    );
  }

  /** @returns one value: the partial answer of this shard */
  query(
    _: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<readonly JsonValue[]> {
    return this.#read(async () => {
      const answer = await this.#engine.partialQuery?.(this.#copy.stored, query, parameters, limits);
      return [answer as unknown as JsonValue];
    });
  }

  async changes(_: string, after: number, limit: number): Promise<readonly Change[]> {
    const { stored } = this.#copy;
    const changes = await this.#orMoved(() =>
      this.#engine.changes(stored, after, Math.min(limit, MAX_ENTRIES))
    );
    // What has happened for good may be told whenever, by whoever knows what that is.
    const refused = this.#copy.whyNotOwner();
    if (refused !== undefined) throw refused;
    const confirmed = this.#copy.confirmed(Infinity);
    return changes.filter(({ revision }) => revision <= confirmed);
  }

  follow(_: string, onChange: () => void): () => void {
    const ends = [this.#copy.follow(onChange), this.#engine.follow(this.#copy.stored, onChange)];
    return () => ends.forEach((end) => end());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What is read is answered when it has happened for good. */
  #read<T>(read: () => Promise<T>): Promise<T> {
    if (this.#isCached) return read();
    return this.#copy.serve(async (term) => {
      const result = await this.#orMoved(read);
      try {
        await this.#copy.confirm(term);
      } catch (error) {
        if (!(error instanceof DataError) || error.code !== "OutcomeUnknown") throw error;
        throw new DataError("OwnerAway", "The owner of the shard can't be sure of what it has read", {
          cause: error,
        });
      }
      return result;
    });
  }

  /** A copy that is not the owner's any more may be gone in the middle. */
  async #orMoved<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw this.#copy.whyNotOwner() ?? error;
    }
  }

  async #mapped({ id, reads, writes, ...commit }: Commit): Promise<Commit> {
    const { stored, record: { term } } = this.#copy;
    this.#checkKeys({ reads, writes });
    // Those that follow take over whole commits, which they tell apart by their ids.
    const known = id ??
      (writes.length > 1
        ? `+${term}.${await this.#parts.copies.position(stored)}.${++this.#drawn}`
        : undefined);
    return {
      ...commit,
      ...known !== undefined && { id: known },
      reads: reads.map((read) => ({ ...read, collection: stored })),
      writes: writes.map((write) => ({ ...write, collection: stored })),
    };
  }

  /** The record is where the id says: no caller has a part ask whom it likes. */
  #checkPart({ id, record, commit }: PrepareRequest): void {
    const { spec: { name }, count } = this.#parts;
    this.#checkKeys(commit);
    if (record.collection !== name || record.shard === shardOf(id, count)) return;
    throw new DataError(
      "SpansShards",
      `The record of ${JSON.stringify(id)} is in shard ${shardOf(id, count)}`,
    );
  }

  #checkKeys({ reads, writes }: Pick<Commit, "reads" | "writes">): void {
    for (const { key } of reads) this.#checkKey(key);
    const { key } = this.#parts.spec;
    for (const write of writes) {
      this.#checkKey(write.kind === "put" || write.kind === "post" ? keyOf(write.value, key) : write.key);
    }
  }

  #checkKey(key: string | undefined): void {
    const { shard } = this.#copy;
    const { spec: { name }, count } = this.#parts;
    if (key !== undefined && shardOf(key, count) === shard) return;
    throw new DataError(
      "SpansShards",
      key === undefined
        ? `${name} has shards: a transaction can't depend on all that it holds`
        : `${name} ${JSON.stringify(key)} is in shard ${shardOf(key, count)}, and shard ${shard} was asked`,
      {
        hint: "Keys with the same part between braces are in one shard, as {ann}/cart.",
      },
    );
  }
}
