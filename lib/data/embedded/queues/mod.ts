/**
 * Queues in the same SQLite database as the collections, so that one transaction of it holds writes and the end of a
 * delivery.
 * @module
 */

export {
  checkLeaseMs,
  EmbeddedQueues,
  type EmbeddedQueuesParts,
  type QueueReads,
  readSettlement,
} from "./embedded_queues.ts";
