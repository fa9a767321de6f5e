/**
 * What a program has of its node that offers services and keeps data.
 * @module
 */

import type { JsonValue } from "../../query/mod.ts";
import type { ServiceNode } from "../../service/mod.ts";
import type { Document } from "../commit.ts";
import type { Collection, CollectionOptions } from "./collection.ts";
import type { Queue, QueueOptions } from "./queues/mod.ts";
import type { Transaction, TransactionOptions, TransactionState } from "./transaction.ts";

/**
 * A `ServiceNode` that has collections and queues as well. A program that asks for this in place of `Node` runs on a `Node`,
 * and in tests on a `TestNode` of `@weft/mesh/testing`.
 */
export interface DataNode extends ServiceNode {
  /** Opens a collection of values by key, wherever its owner is; one that is nobody's is made, and this node owns it. */
  collection<Value extends Document = Document>(
    name: string,
    options: CollectionOptions<Value>,
  ): Promise<Collection<Value>>;
  /** Opens a queue of messages, wherever its owner is; one that is nobody's is made, and this node owns it. */
  queue<Value extends JsonValue = JsonValue>(
    name: string,
    options?: QueueOptions<Value>,
  ): Promise<Queue<Value>>;
  /** Reads and writes several entries, of one or more collections, as a whole or not at all. */
  transaction<Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  /** Asks the owner of a collection what has become of a transaction. */
  transactionState(id: string, collection: string): Promise<TransactionState>;
}
