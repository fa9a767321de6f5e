/**
 * The embedded engine: collections in one SQLite database, on the thread of the agent that owns them. Many commits become
 * durable by one write to the disk, and each is answered after that. It opens no file: the database is handed in.
 * @module
 */

export * from "./embedded_engine.ts";
export type { AttemptState, PreparedTransactions } from "./prepared/mod.ts";
export { checkLeaseMs, type EmbeddedQueues, type QueueReads, readSettlement } from "./queues/mod.ts";
export type { SqlDatabase, SqlInput, SqlRow, SqlStatement } from "./sql_database.ts";
