/**
 * Collections and queues as services: who owns them, who may do what with them, and what callers ask.
 * @module
 */

export { collectionPath, DATA_PATH } from "./collection_service.ts";
export * from "./data_host.ts";
export { DATA_NETWORK, keyTopic } from "./key_rights.ts";
export type { Opened } from "./ownership.ts";
export { QUEUE_NETWORK, QUEUE_PATH, queuePath } from "./queues/mod.ts";
export type { ChangeItem, ProgressItem } from "./watch_source.ts";
