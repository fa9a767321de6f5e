/**
 * Several engines of one node, as one.
 * @module
 */

export * from "./engine_set.ts";
