/**
 * What both packet planes do with policies: programs on their way to the thread that enforces them, the guards of its
 * networks, and what is told of their decisions.
 * @module
 */

export * from "./mesh_shaping.ts";
export * from "./network_gate.ts";
export * from "./plane_guards.ts";
export type * from "./policy_plane.ts";
export * from "./program_pieces.ts";
