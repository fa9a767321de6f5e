/**
 * Collections and queues as services: who owns them, who may do what with them, and what callers ask.
 * @module
 */

export { type CollectionParts, collectionPath, collectionService, DATA_PATH } from "./collection_service.ts";
export type { MoveReport, MoveStatus } from "./collection_mover.ts";
export { CommitRights } from "./commit_rights.ts";
export * from "./data_host.ts";
export * from "./data_service.ts";
export { told } from "./failure.ts";
export { DATA_NETWORK, keyTopic, type RightsPeers } from "./key_rights.ts";
export type { Opened } from "./ownership.ts";
export { QUEUE_NETWORK, QUEUE_PATH, queuePath } from "./queues/mod.ts";
export { readFields, readKeys } from "./requests.ts";
export type { ChangeItem, ProgressItem } from "./watch_source.ts";
