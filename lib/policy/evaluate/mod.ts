/**
 * The evaluator: the one place that decides, for packets, frames, calls, events, connections and names.
 * @module
 */

export * from "./decision.ts";
export { readProgram } from "./program_evaluator.ts";
