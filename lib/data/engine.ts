/**
 * What keeps collections, as a port. An engine knows no nodes and no rights.
 * @module
 */

import type { JsonValue, PartialResult, Query, QueryParameters } from "../query/mod.ts";
import type { Commit, CommitAnswer, Document, KnownTransaction } from "./commit.ts";
import type { Change, CollectionSpec, CollectionState, Entry } from "./entries.ts";
import type { EngineName, MoveStore } from "./moves.ts";
import type { TransactionStore } from "./prepared.ts";
import type { QueueEngine } from "./queue_engine.ts";

export type * from "./commit.ts";
export type * from "./entries.ts";
export type * from "./prepared.ts";

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

/** A change as a copy takes it over: what was there before it the copy knows. */
export interface CopiedChange {
  readonly revision: number;
  /** Of what was deleted; of anything else the value says it. */
  readonly key?: string;
  /** Undefined when it was deleted. */
  readonly value?: Document;
  readonly at: number;
}

/** A commit with an id, as a copy takes it over, so that it happens once there, too. */
export interface CopiedCommit {
  readonly id: string;
  readonly origin: string;
  /** Where it stands among the changes. */
  readonly revision: number;
  readonly revisions: readonly number[];
  readonly result?: JsonValue;
  /** Where one is that is over several places; undefined once it has ended well, as of any other. */
  readonly state?: "prepared" | "open" | "decided" | "rolled-back";
  /** What is kept of such a one: the JSON of a `TransactionBody`. */
  readonly body?: string;
}

/** A part of what was committed, with no commit cut in two. */
export interface CopiedPart {
  /** It follows this position, and ends at `position`. */
  readonly after: number;
  readonly position: number;
  readonly changes: readonly CopiedChange[];
  readonly commits: readonly CopiedCommit[];
}

/**
 * What an engine does beyond its own collections, so that one follows another: copies, whose revisions are those of where
 * they come from. The position of a copy is the revision of its last change or commit.
 */
export interface CopyStore {
  position(copy: string): Promise<number>;
  /**
   * @returns what was committed after a position; as much as a message holds, or one commit
   * @throws DataError with code `Compacted` when some of it is not kept any more
   */
  partAfter(copy: string, position: number): Promise<CopiedPart>;
  /** Takes a part over, durably, where the copy stands at its `after`. @returns the position then */
  take(copy: string, part: CopiedPart): Promise<number>;
  /** A copy that is being made, and is empty, is to stand at a position when it has all entries. */
  begin(copy: string, position: number): Promise<void>;
  /** Takes entries, and commits up to its position, over into a copy that is being made. */
  fill(copy: string, entries: readonly Entry[], commits: readonly CopiedCommit[]): Promise<void>;
  /** @returns commits with an id, those behind a revision, at most so many */
  commits(copy: string, after: number, limit: number): Promise<readonly CopiedCommit[]>;
  /** Puts a copy that has been made into the place of another one, all at once. */
  replace(copy: string, made: string): Promise<void>;
}

/** The two engines of a node. */
export interface EngineSides {
  /** @throws DataError with code `UnknownCollection` where neither has it */
  sideOf(collection: string): Promise<EngineName>;
  /** @throws DataError with code `InvalidCollection` where the node has no servers */
  side(name: EngineName): DataEngine;
  readonly hasBoth: boolean;
  /** From this turn on a collection is asked for there. */
  settle(collection: string, side: EngineName): void;
}

/**
 * Keeps collections. What `commit` has answered is on disk; whatever is read was committed. Methods throw `DataError`.
 */
export interface DataEngine {
  /** What copies of shards are kept by; undefined of an engine that keeps none. */
  readonly copies?: CopyStore | undefined;
  /** By which collections leave it and enter it; undefined where none do. */
  readonly moves?: MoveStore;
  /** Its parts, between which collections move; undefined of what is one engine. */
  readonly sides?: EngineSides;
  /** Keeps parts of transactions over several places; undefined of an engine that keeps none. */
  readonly prepared?: TransactionStore | undefined;
  /** Keeps queues beside the collections, and is closed with it; undefined where it keeps none. */
  readonly queues?: QueueEngine;
  /** @returns all collections, by name */
  collections(): Promise<readonly CollectionState[]>;
  /** @throws DataError with code `UnknownCollection` */
  describe(collection: string): Promise<CollectionState>;
  /** @returns the revision of the collection's last change @throws DataError with code `UnknownCollection` */
  revision(collection: string): Promise<number>;
  /**
   * Makes a collection. One that is there stays, has indexes added, and takes who may read and write, and a schema;
   * what the spec does not say stays as it is. Commits that were sent before are done before.
   * @throws DataError with code `InvalidCollection` when it has another key
   */
  create(spec: CollectionSpec): Promise<CollectionState>;
  /** Forgets a collection with all that it holds. @returns whether there was one */
  drop(collection: string): Promise<boolean>;
  /**
   * @param mayBeOld whether to answer, too, while a transaction over several places is about to write one of them
   * @returns the entries of these keys, in their order
   * @throws DataError with code `Locked` while one is
   */
  get(
    collection: string,
    keys: readonly string[],
    mayBeOld?: boolean,
  ): Promise<readonly (Entry | undefined)[]>;
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
  /** As `query`, what one shard answers. Only of engines that keep copies. @throws DataError as `query` does */
  partialQuery?(
    collection: string,
    query: Query,
    parameters?: QueryParameters,
    limits?: QueryLimits,
  ): Promise<PartialResult>;
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
