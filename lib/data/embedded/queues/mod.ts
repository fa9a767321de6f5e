/**
 * Queues in the same SQLite database as the collections, so that one transaction of it holds writes and the end of a
 * delivery.
 * @module
 */

export { EmbeddedQueues, type EmbeddedQueuesParts } from "./embedded_queues.ts";
