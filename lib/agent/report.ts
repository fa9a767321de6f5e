/**
 * What an agent says of itself; `lib/api` has it.
 * @module
 */

export type { DataplaneReport, DnsReport, LeaderReport, PeerReport, StatusReport } from "../api/mod.ts";
