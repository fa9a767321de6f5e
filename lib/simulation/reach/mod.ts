/**
 * A virtual Internet with NATs, firewalls and relays, on which nodes find paths to each other by the very parts of an
 * agent: `PathWatch`, `Introductions`, `RelayLegs`.
 * @module
 */

export { hasDirectPath, PLACE_KINDS, type PlaceKind } from "./places.ts";
export { describePair, type NodePair, ReachSimulation } from "./reach_simulation.ts";
export { type KindReport, type ReachReport, type ReachScenario, runReach } from "./reach_scenario.ts";
export { VirtualInternet, type VirtualNode } from "./virtual_internet.ts";
