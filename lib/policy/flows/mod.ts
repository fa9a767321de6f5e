/**
 * Flows: what was allowed, and is remembered, so that replies pass and what goes on costs one lookup.
 * @module
 */

export * from "./flow_guard.ts";
export * from "./frame_guard.ts";
export { protocolName } from "./denial_log.ts";
export { PacketFields } from "./packet_fields.ts";
export * from "./packet_guard.ts";
