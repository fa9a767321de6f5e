/**
 * Carrying frames of overlay networks between endpoints of this host and other hosts.
 * @module
 */

export { AddressTable } from "./address_table.ts";
export * from "./carrier.ts";
export type * from "./frame_plane.ts";
export * from "./host_packets.ts";
export * from "./member_limits.ts";
export * from "./memory_underlay.ts";
export * from "./packet_decoder.ts";
export * from "./plain/mod.ts";
export * from "./portable_frames.ts";
export type { ProgramHandler, ProgramPorts } from "./program_ports.ts";
