/**
 * The collections of a node that has an engine of its own and one that it shares with others.
 * @module
 */

import type { JsonValue, Query, QueryParameters } from "../../query/mod.ts";
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
import type { QueueEngine } from "../queue_engine.ts";

/** What is in the node's own engine stays there; what is made anew is in the shared one. Queues are in its own. */
export class EngineSet implements DataEngine {
  readonly #own: DataEngine;
  readonly #shared: DataEngine;
  /** The collections of its own. */
  readonly #names = new Set<string>();
  readonly #ready: Promise<void>;

  constructor(own: DataEngine, shared: DataEngine) {
    this.#own = own;
    this.#shared = shared;
    this.#ready = own.collections().then((states) => {
      for (const { name } of states) this.#names.add(name);
    });
    this.#ready.catch(() => {});
  }

  get queues(): QueueEngine {
    const { queues } = this.#own;
    if (queues !== undefined) return queues;
    throw new DataError("Failed", "The engine of this node keeps no queues");
  }

  async collections(): Promise<readonly CollectionState[]> {
    const own = await this.#own.collections();
    const shared = await this.#shared.collections();
    return [...own, ...shared.filter(({ name }) => !this.#names.has(name))]
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  async describe(collection: string): Promise<CollectionState> {
    return (await this.#of(collection)).describe(collection);
  }

  async revision(collection: string): Promise<number> {
    return (await this.#of(collection)).revision(collection);
  }

  async create(spec: CollectionSpec): Promise<CollectionState> {
    return (await this.#of(spec.name)).create(spec);
  }

  async drop(collection: string): Promise<boolean> {
    const engine = await this.#of(collection);
    const isDropped = await engine.drop(collection);
    if (engine === this.#own) this.#names.delete(collection);
    return isDropped;
  }

  async get(collection: string, keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    return (await this.#of(collection)).get(collection, keys);
  }

  async list(collection: string, request: ListRequest): Promise<readonly Entry[]> {
    return (await this.#of(collection)).list(collection, request);
  }

  async commit(commit: Commit): Promise<CommitAnswer> {
    await this.#ready;
    const touched = new Set([...commit.reads, ...commit.writes].map(({ collection }) => collection));
    const own = [...touched].filter((name) => this.#names.has(name)).length;
    if (own > 0 && own < touched.size) {
      throw new DataError("NotOwner", `${[...touched].join(" and ")} are kept by two engines`, {
        hint: "`weft data move` brings them together.",
      });
    }
    return await (own > 0 ? this.#own : this.#shared).commit(commit);
  }

  async transaction(id: string): Promise<KnownTransaction | undefined> {
    return await this.#own.transaction(id) ?? await this.#shared.transaction(id);
  }

  async query(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<readonly JsonValue[]> {
    return (await this.#of(collection)).query(collection, query, parameters, limits);
  }

  async changes(collection: string, after: number, limit: number): Promise<readonly Change[]> {
    return (await this.#of(collection)).changes(collection, after, limit);
  }

  follow(collection: string, onChange: () => void): () => void {
    const ends = [this.#own, this.#shared].map((engine) => engine.follow(collection, onChange));
    return () => ends.forEach((end) => end());
  }

  followCollections(onChange: () => void): () => void {
    return this.#shared.followCollections?.(onChange) ?? (() => {});
  }

  async close(): Promise<void> {
    await this.#shared.close();
    await this.#own.close();
  }

  async #of(collection: string): Promise<DataEngine> {
    await this.#ready;
    return this.#names.has(collection) ? this.#own : this.#shared;
  }
}
