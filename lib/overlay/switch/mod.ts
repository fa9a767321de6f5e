/**
 * The learning switch: where a frame goes that came in at a port. It moves no bytes itself.
 * @module
 */

export type { DropReason, SwitchCounts } from "./frame_counts.ts";
export * from "./flow_hash.ts";
export * from "./frame_forwarder.ts";
export * from "./frame_switch.ts";
export * from "./ip_payload.ts";
