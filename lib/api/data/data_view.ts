/**
 * What may be asked of a running agent about the collections and queues of its mesh.
 * @module
 */

/**
 * Whether those who keep it say how it is: `kept`; `away` while none of them answers; `refused` to a node that may not
 * know; `asked` while that is not known yet.
 */
export type KeptState = "kept" | "away" | "refused" | "asked";

/** A collection, or a queue, and who keeps it. */
export interface KeptReport {
  /** As it is named in calls and commands. */
  readonly name: string;
  /** Who keeps it, by name: one, or those of its shards, or all that reach the servers that do. */
  readonly owners: readonly string[];
  /** Whether that is how it is now. */
  readonly state: KeptState;
  /** When its keepers have said last how it is, in milliseconds since 1970; absent when they never have. */
  readonly at?: number;
}

/** A collection as its keepers have said last. */
export interface CollectionReport extends KeptReport {
  /** How many it has. */
  readonly entries?: number;
  /** Of its last change. */
  readonly revision?: number;
  /** The property that holds the key. */
  readonly key?: string;
  /** The properties with an index. */
  readonly index?: readonly string[];
  /** Who may read beside its owner: a selector; absent for every member. */
  readonly read?: string;
  /** Who may write. */
  readonly write?: string;
  /** Whose members alone can read its values. */
  readonly seal?: string;
  /** Over how many shards it is spread; absent where one keeps all of it. */
  readonly shards?: number;
  /** Of its values, as programs have told. */
  readonly schemaVersion?: number;
}

/** A queue as its keeper has said last. */
export interface QueueReport extends KeptReport {
  /** How many messages wait: for a worker, for their time, or for one before them. */
  readonly waiting?: number;
  /** How many workers have. */
  readonly leased?: number;
  /** How many are dead letters. */
  readonly dead?: number;
  /** How many it holds, dead letters included. */
  readonly maxLength?: number;
}

/** The collections and queues that members offer. */
export interface DataReport {
  /** By name, the first 512. */
  readonly collections: readonly CollectionReport[];
  /** By name, the first 512. */
  readonly queues: readonly QueueReport[];
}

/** What may be asked of a running agent about what its mesh keeps. */
export interface DataViewControl {
  /**
   * The collections and queues that members offer, as their keepers have said last. To be asked is what makes this node ask
   * them, as often as every 10 s.
   */
  listData(): DataReport;
}
