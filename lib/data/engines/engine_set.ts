/**
 * The collections and queues of a node that has an engine of its own, and may have one that it shares with others.
 * @module
 */

import type { JsonValue, PartialResult, Query, QueryParameters } from "../../query/mod.ts";
import { isInnerName } from "../documents.ts";
import type {
  Change,
  CollectionSpec,
  CollectionState,
  Commit,
  CommitAnswer,
  CopyStore,
  DataEngine,
  EngineSides,
  Entry,
  KnownTransaction,
  ListRequest,
  QueryLimits,
  TransactionStore,
} from "../engine.ts";
import { DataError } from "../errors.ts";
import type { EngineName } from "../moves.ts";
import { QueueSet } from "./queue_set.ts";
import { SharedFollows } from "./shared_follows.ts";
import { TransactionsOfBoth } from "./transactions_of_both.ts";

/**
 * What is in the node's own engine stays there; what is made anew is in the shared one, while there is one. Copies of shards
 * are in its own.
 */
export class EngineSet implements DataEngine, EngineSides {
  readonly #own: DataEngine;
  readonly #queues: QueueSet | undefined;
  readonly #prepared: TransactionStore | undefined;
  #shared: DataEngine | undefined;
  /** The collections of its own. */
  readonly #names = new Set<string>();
  readonly #ready: Promise<void>;
  readonly #collectionFollowers = new Set<() => void>();
  readonly #follows: SharedFollows<DataEngine>;
  #endFollowing = () => {};

  constructor(own: DataEngine, shared?: DataEngine) {
    this.#own = own;
    this.#follows = new SharedFollows(own, () => this.#shared);
    this.#ready = own.collections().then((states) => {
      for (const { name } of states) this.#names.add(name);
    });
    this.#ready.catch(() => {});
    const { queues } = own;
    this.#queues = queues && new QueueSet({
      own: queues,
      shared: () => this.#shared?.queues,
      isOwnCommit: (commit) => this.#isOwnCommit(commit),
    });
    const { prepared } = own;
    this.#prepared = prepared && new TransactionsOfBoth({
      own: prepared,
      shared: () => this.#shared?.prepared,
      isShared: async (place) => await this.#of(place) !== this.#own,
    });
    if (shared !== undefined) this.#adopt(shared);
  }

  get sides(): EngineSides {
    return this;
  }

  get hasBoth(): boolean {
    return this.#shared !== undefined;
  }

  async sideOf(collection: string): Promise<EngineName> {
    const engine = await this.#of(collection);
    const there = await engine.collections();
    if (there.some(({ name }) => name === collection)) return engine === this.#own ? "embedded" : "nats";
    throw new DataError("UnknownCollection", `There is no collection ${JSON.stringify(collection)} here`);
  }

  side(name: EngineName): DataEngine {
    const engine = name === "embedded" ? this.#own : this.#shared;
    if (engine !== undefined) return engine;
    throw new DataError(
      "InvalidCollection",
      "Cannot move it: this node runs no server of collections, and was started without --data",
      {
        hint: "Start it with `--data`, or have it run one by `weft data up`.",
      },
    );
  }

  settle(collection: string, side: EngineName): void {
    if (side === "embedded") this.#names.add(collection);
    else this.#names.delete(collection);
  }

  get copies(): CopyStore | undefined {
    return this.#own.copies;
  }

  get prepared(): TransactionStore | undefined {
    return this.#prepared;
  }

  get queues(): QueueSet {
    if (this.#queues !== undefined) return this.#queues;
    throw new DataError("Failed", "The engine of this node keeps no queues");
  }

  /** Has another shared engine from now on, or none; the one before is closed. */
  async share(shared: DataEngine | undefined): Promise<void> {
    const before = this.#shared;
    this.#endFollowing();
    this.#endFollowing = () => {};
    this.#shared = undefined;
    if (shared !== undefined) this.#adopt(shared);
    else this.#handleShared();
    for (const onChange of [...this.#collectionFollowers]) onChange();
    await before?.close();
  }

  #handleShared(): void {
    this.#follows.handleShared();
    this.#queues?.handleShared();
  }

  #adopt(shared: DataEngine): void {
    this.#shared = shared;
    this.#handleShared();
    this.#endFollowing = shared.followCollections?.(() => {
      for (const onChange of [...this.#collectionFollowers]) onChange();
    }) ?? (() => {});
  }

  async collections(): Promise<readonly CollectionState[]> {
    const own = await this.#own.collections();
    await this.#ready;
    const shared = await this.#shared?.collections() ?? [];
    return [...own, ...shared.filter(({ name }) => !this.#names.has(name))]
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async describe(collection: string): Promise<CollectionState> {
    return await this.#ask(collection, (engine) => engine.describe(collection));
  }

  async revision(collection: string): Promise<number> {
    return await this.#ask(collection, (engine) => engine.revision(collection));
  }

  async create(spec: CollectionSpec): Promise<CollectionState> {
    const engine = await this.#of(spec.name);
    const state = await engine.create(spec);
    if (engine === this.#own) this.#names.add(spec.name);
    return state;
  }

  async drop(collection: string): Promise<boolean> {
    const engine = await this.#of(collection);
    const isDropped = await engine.drop(collection);
    if (engine === this.#own) this.#names.delete(collection);
    return isDropped;
  }

  async get(
    collection: string,
    keys: readonly string[],
    mayBeOld?: boolean,
  ): Promise<readonly (Entry | undefined)[]> {
    return await this.#ask(collection, (engine) => engine.get(collection, keys, mayBeOld));
  }

  async list(collection: string, request: ListRequest): Promise<readonly Entry[]> {
    return await this.#ask(collection, (engine) => engine.list(collection, request));
  }

  async commit(commit: Commit): Promise<CommitAnswer> {
    await this.#ready;
    return await this.#askOf(() => this.#engineFor(commit), (engine) => engine.commit(commit));
  }

  #engineFor(commit: Commit): DataEngine {
    const shared = this.#shared;
    return shared === undefined || this.#isOwnCommit(commit) ? this.#own : shared;
  }

  /** @throws DataError with code `NotOwner` */
  #isOwnCommit({ reads, writes }: Commit): boolean {
    if (this.#shared === undefined) return true;
    const touched = new Set([...reads, ...writes].map(({ collection }) => collection));
    const own = [...touched].filter((name) => this.#isOwn(name)).length;
    if (own === 0 || own === touched.size) return own > 0;
    throw new DataError("NotOwner", `${[...touched].join(" and ")} are kept by two engines`, {
      hint: "`weft data move` brings them together.",
    });
  }

  async transaction(id: string): Promise<KnownTransaction | undefined> {
    return await this.#own.transaction(id) ?? await this.#shared?.transaction(id);
  }

  async query(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<readonly JsonValue[]> {
    return await this.#ask(collection, (engine) => engine.query(collection, query, parameters, limits));
  }

  async partialQuery(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<PartialResult> {
    const answer = (await this.#of(collection)).partialQuery?.(collection, query, parameters, limits);
    if (answer !== undefined) return await answer;
    throw new DataError("Failed", `${collection} is no shard`);
  }

  async changes(collection: string, after: number, limit: number): Promise<readonly Change[]> {
    return await this.#ask(collection, (engine) => engine.changes(collection, after, limit));
  }

  follow(collection: string, onChange: () => void): () => void {
    return this.#follows.add((engine) => engine.follow(collection, onChange));
  }

  followCollections(onChange: () => void): () => void {
    this.#collectionFollowers.add(onChange);
    return () => this.#collectionFollowers.delete(onChange);
  }

  async close(): Promise<void> {
    this.#endFollowing();
    await this.#shared?.close();
    await this.#own.close();
  }

  #isOwn(collection: string): boolean {
    return this.#names.has(collection) || isInnerName(collection);
  }

  async #ask<T>(collection: string, ask: (engine: DataEngine) => Promise<T>): Promise<T> {
    await this.#ready;
    return await this.#askOf(() => this.#here(collection), ask);
  }

  /** Asks an engine, and once more where the collection is now when it has moved away meanwhile: nothing was done. */
  async #askOf<T>(engineNow: () => DataEngine, ask: (engine: DataEngine) => Promise<T>): Promise<T> {
    const engine = engineNow();
    try {
      return await ask(engine);
    } catch (error) {
      if (!(error instanceof DataError) || error.code !== "UnknownCollection") throw error;
      const now = engineNow();
      if (now === engine) throw error;
      return await ask(now);
    }
  }

  async #of(collection: string): Promise<DataEngine> {
    await this.#ready;
    return this.#here(collection);
  }

  #here(collection: string): DataEngine {
    return this.#shared === undefined || this.#isOwn(collection) ? this.#own : this.#shared;
  }
}
