/**
 * Flows: what was allowed, and is remembered, so that replies pass and what goes on costs one lookup.
 * @module
 */

export * from "./packet_guard.ts";
