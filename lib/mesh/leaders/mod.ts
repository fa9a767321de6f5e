/**
 * Holding the network's key together: the election, promotion and demotion, and which leader allocates which addresses.
 * @module
 */

export * from "./election.ts";
export * from "./leadership.ts";
export { SLICE_KIND } from "./slice_table.ts";
