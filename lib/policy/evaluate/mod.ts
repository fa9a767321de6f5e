/**
 * The evaluator: the one place that decides, for packets, frames, calls, events, connections and names.
 * @module
 */

export * from "./decision.ts";
export { ProgramEvaluator, readProgram } from "./program_evaluator.ts";
export { isBelow, matchesTopic, qualified } from "./topic_match.ts";
