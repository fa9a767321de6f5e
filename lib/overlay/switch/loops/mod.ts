/**
 * Ports that lead back to their network by another way.
 * @module
 */

export * from "./loop_guard.ts";
export * from "./loop_probe.ts";
