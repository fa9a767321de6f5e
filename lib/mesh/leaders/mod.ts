/**
 * Holding the network's key together: the election, promotion and demotion, which leader allocates which addresses, and
 * what is left for when all leaders are gone.
 * @module
 */

export * from "./election.ts";
export * from "./heartbeat_targets.ts";
export type { LeadershipOptions } from "./leader_state.ts";
export * from "./leadership.ts";
export * from "./recovery_file.ts";
export { SliceLedger } from "./slice_ledger.ts";
export { SLICE_KIND } from "./slice_table.ts";
