/**
 * What leaders do together, and what members ask of them: the election, promotion, demotion, renewal, new keys.
 * @module
 */

export type { LeaderActs } from "./leader_acts.ts";
export { LeaderCoordinator } from "./leader_coordinator.ts";
export type { EndpointServer, LeaderAct } from "./repeated_request.ts";
export { leadershipReport } from "./leadership_report.ts";
export { unconfirmedLabelsText } from "./member_care.ts";
export type { UseCount } from "./token_uses.ts";
