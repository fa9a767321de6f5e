/**
 * Collections, transactions and queues, as programs have them: by calls, wherever the owner is.
 * @module
 */

export type { Migrate } from "./collection_model.ts";
export * from "./collection.ts";
export * from "./copies/mod.ts";
export type { DataClientParts } from "./data_calls.ts";
export * from "./data_client.ts";
export type { DataNode } from "./data_node.ts";
export type * from "./entries.ts";
export * from "./queues/mod.ts";
export { Transaction, type TransactionOptions, type TransactionState } from "./transaction.ts";
export * from "./watch.ts";
