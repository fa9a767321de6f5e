/**
 * What keeps collections, as a port. An engine knows no nodes and no rights.
 * @module
 */

import type { JsonValue, Query, QueryParameters } from "../query/mod.ts";
import type { Commit, CommitAnswer, Document } from "./commit.ts";
import type { QueueEngine } from "./queue_engine.ts";

export type * from "./commit.ts";

/** What a collection is. */
export interface CollectionSpec {
  /** A letter, then letters, digits, `_` and `-`; at most 64. */
  readonly name: string;
  /** The property that holds the key. */
  readonly key: string;
  /** Properties by which queries find without looking at every value; `customer.city` is one within another. */
  readonly index: readonly string[];
  /** Who may read beside those of its owner: a selector; everybody unless given. */
  readonly read?: string;
  /** Who may write. */
  readonly write?: string;
}

/** A collection as it is now. */
export interface CollectionState extends CollectionSpec {
  /** The revision of its last change; 0 before the first. */
  readonly revision: number;
  /** How many entries it has. */
  readonly count: number;
}

/** An entry as it is now. */
export interface Entry {
  readonly key: string;
  readonly value: Document;
  /** The revision of its last change. Revisions of one engine go up, and none comes twice. */
  readonly revision: number;
}

/** What has become of one entry. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  /** Undefined when it was created. */
  readonly old: Document | undefined;
  /** Undefined when it was deleted. */
  readonly new: Document | undefined;
  /** Milliseconds since 1970, by the clock of the owner. */
  readonly at: number;
}

/** A part of the entries, in the order of their keys by UTF-8. */
export interface ListRequest {
  /** How their keys begin. */
  readonly prefix?: string;
  /** The key after which it begins. */
  readonly after?: string;
  /** At most so many. */
  readonly limit: number;
}

/** What a caller of a query sees, and how long it may take. */
export interface QueryLimits {
  /** Which keys are there for this query; all unless given. */
  readonly isVisible?: (key: string) => boolean;
  /** Called now and then; throws to end the query. */
  readonly onProgress?: () => void;
}

/** What is known of a transaction: it waits for its turn, or has happened. */
export type KnownTransaction = "queued" | "committed";

/**
 * Keeps collections. What `commit` has answered is on disk; whatever is read was committed. Methods throw `DataError`.
 */
export interface DataEngine {
  /** Keeps queues beside the collections, and is closed with it; undefined where it keeps none. */
  readonly queues?: QueueEngine;
  /** @returns all collections, by name */
  collections(): Promise<readonly CollectionState[]>;
  /** @throws DataError with code `UnknownCollection` */
  describe(collection: string): Promise<CollectionState>;
  /** @returns the revision of the collection's last change @throws DataError with code `UnknownCollection` */
  revision(collection: string): Promise<number>;
  /**
   * Makes a collection. One that is there stays, has indexes added, and takes who may read and write.
   * @throws DataError with code `InvalidCollection` when it has another key
   */
  create(spec: CollectionSpec): Promise<CollectionState>;
  /** Forgets a collection with all that it holds. @returns whether there was one */
  drop(collection: string): Promise<boolean>;
  /** @returns the entries of these keys, in their order */
  get(collection: string, keys: readonly string[]): Promise<readonly (Entry | undefined)[]>;
  /** @returns entries by key, as many as one answer holds */
  list(collection: string, request: ListRequest): Promise<readonly Entry[]>;
  /** @throws DataError when a condition does not hold; then nothing was written */
  commit(commit: Commit): Promise<CommitAnswer>;
  /** @returns undefined when nothing is known of the id */
  transaction(id: string): Promise<KnownTransaction | undefined>;
  /** @throws DataError with code `InvalidQuery`, `TooMuchWork` or `TooLarge` */
  query(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<readonly JsonValue[]>;
  /**
   * @returns changes after a revision, the oldest first, at most so many, and as many as one answer holds
   * @throws DataError with code `Compacted` when some of them are not kept any more
   */
  changes(collection: string, after: number, limit: number): Promise<readonly Change[]>;
  /** Calls back after commits that have changed a collection. @returns what ends that */
  follow(collection: string, onChange: () => void): () => void;
  /**
   * Of an engine that several nodes share: calls back when collections were made, changed or dropped, by whomever.
   * @returns what ends that
   */
  followCollections?(onChange: () => void): () => void;
  /** Ends what waits, and closes. Harmless when repeated. */
  close(): Promise<void>;
}
