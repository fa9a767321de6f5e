/**
 * What both packet planes do with policies: programs on their way to the thread that enforces them, the guards of its
 * networks, and what is told of their decisions.
 * @module
 */

export * from "./plane_guards.ts";
export * from "./program_pieces.ts";
