/**
 * What all members agree on: the roster and the entries, and the gossip that brings replicas into line.
 * @module
 */

export * from "./entry_book.ts";
export * from "./entry_bounds.ts";
export * from "./gossip.ts";
export type { UpdateEncoder } from "./gossip_outbox.ts";
export * from "./network_clock.ts";
export * from "./replica.ts";
export * from "./roster.ts";
export * from "./roster_event.ts";
export * from "./wanted_links.ts";
