/**
 * State that services share: collections of JSON values by key, which one node owns and all may use.
 *
 * @module
 */

export * from "./bounds.ts";
export { changedProperties, checkSpec, isCollectionName, keyText } from "./documents.ts";
export * from "./embedded/mod.ts";
export * from "./engines/mod.ts";
export type * from "./engine.ts";
export type { EngineName } from "./moves.ts";
export { QUEUE_DEFAULTS } from "./messages.ts";
export * from "./queue_engine.ts";
export * from "./errors.ts";
export * from "./client/mod.ts";
export type * from "./collection_schema.ts";
export * from "./nats/mod.ts";
export * from "./replicated/mod.ts";
export * from "./service/mod.ts";
export * from "./sealed/mod.ts";
export * from "./shards/mod.ts";
