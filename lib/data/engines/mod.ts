/**
 * Several engines of one node, as one.
 * @module
 */

export { CollectionMove, type MoveProgress } from "./collection_move.ts";
export * from "./engine_set.ts";
