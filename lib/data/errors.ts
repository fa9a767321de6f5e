/**
 * How collections and queues fail.
 * @module
 */

import { WeftError, type WeftErrorOptions } from "../base/mod.ts";

/**
 * Why something could not be done with a collection or queue.
 *
 * | code | what happened |
 * | --- | --- |
 * | `InvalidCollection` | the name, key or indexes are none, or are not those that it has |
 * | `UnknownCollection` | nobody who is known has it |
 * | `OwnerAway` | the node that owns it does not answer |
 * | `NotOwner` | the node that was asked does not own all collections of what it is to write at once, or keeps them and the queue of a message by two engines |
 * | `InvalidKey` | the key is no text or whole number, or is too long |
 * | `InvalidValue` | the value is nothing that JSON says, or not what the schema says |
 * | `TooLarge` | a value, a transaction or an answer is longer than it may be |
 * | `NotFound` | there is no entry with the key |
 * | `AlreadyExists` | there is an entry with the key; the id is another transaction's |
 * | `Conflict` | the entry has another revision than was expected; a transaction has lost against another one |
 * | `Locked` | a transaction over several shards or owners that touches the entry is about to end; tried again by itself |
 * | `InvalidQuery` | the query can't be read or answered; the message says where |
 * | `TooMuchWork` | the query would hold its node up for too long |
 * | `DiskFull` | the owner's disk is full, or the database has as much as it may hold |
 * | `Compacted` | the changes since the revision are not kept any more: read anew |
 * | `TooOld` | a copy is older than it may be: its owner can't be asked now |
 * | `WatchTooSlow` | changes were not read for too long; the watch goes on from its `revision` |
 * | `TooManyWatches` | the owner serves as many watches as it does |
 * | `SchemaChanged` | the program's schema is older than the collection's, or another one of the same version |
 * | `InvalidQueue` | the name or a limit of the queue is none |
 * | `UnknownQueue` | nobody who is known has it |
 * | `QueueFull` | the queue, its node, or what is kept of the caller's messages has as much as it may hold |
 * | `LeaseLost` | the message was not settled in time, and may be with another worker; nothing was written |
 * | `TooManyWorkers` | the owner has as many requests for messages waiting as it does |
 * | `Refused` | a grant, the policy or the collection does not let the caller |
 * | `Timeout` | nothing came of it in time; what was written may be there |
 * | `OutcomeUnknown` | the owner went away in the middle; what was written may be there |
 * | `Moved` | the shard has another owner by now, or the collection is on its way to another engine; tried again by itself |
 * | `SpansShards` | what only one shard can do was asked of several, or of one that has not the key |
 * | `Sealed` | what is sealed can't be read or made here, or not be asked for in that way |
 * | `Failed` | anything else, which the message says |
 */
export type DataFailureCode =
  | "InvalidCollection"
  | "UnknownCollection"
  | "OwnerAway"
  | "NotOwner"
  | "InvalidKey"
  | "InvalidValue"
  | "TooLarge"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Locked"
  | "InvalidQuery"
  | "TooMuchWork"
  | "DiskFull"
  | "Compacted"
  | "TooOld"
  | "WatchTooSlow"
  | "TooManyWatches"
  | "SchemaChanged"
  | "InvalidQueue"
  | "UnknownQueue"
  | "QueueFull"
  | "LeaseLost"
  | "TooManyWorkers"
  | "Refused"
  | "Timeout"
  | "OutcomeUnknown"
  | "Moved"
  | "SpansShards"
  | "Sealed"
  | "Failed";

const RETRYABLE: ReadonlySet<DataFailureCode> = new Set<DataFailureCode>([
  "OwnerAway",
  "Conflict",
  "Locked",
  "DiskFull",
  "TooManyWatches",
  "TooOld",
  "WatchTooSlow",
  "QueueFull",
  "TooManyWorkers",
  "Timeout",
  "Moved",
]);

/** Something that could not be done with a collection or queue. */
export class DataError extends WeftError {
  /** Why; one of `DataFailureCode`. */
  readonly code: DataFailureCode;
  /** Of a watch that has ended: the revision of the last change that it has given, from which the next one goes on. */
  readonly revision: number | undefined;

  /** Takes why, and a sentence without its final dot. */
  constructor(
    code: DataFailureCode,
    message: string,
    options: WeftErrorOptions & { readonly revision?: number | undefined } = {},
  ) {
    super(message, { retryable: RETRYABLE.has(code), ...options });
    this.code = code;
    this.revision = options.revision;
  }
}
