/**
 * Holding the network's key together: the election, promotion and demotion, and whose addresses are whose to give.
 * @module
 */

export { Election, type ElectionEvent, HEARTBEAT_MS, LEADER_DEAD_MS, type LeaderView } from "./election.ts";
export { Leadership } from "./leadership.ts";
