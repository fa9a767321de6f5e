/**
 * The evaluator: the one place that decides, for packets, frames, calls, events, connections and names.
 * @module
 */

export * from "./decision.ts";
