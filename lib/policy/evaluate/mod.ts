/**
 * The evaluator: the one place that decides, for packets, frames, calls, events, connections and names.
 * @module
 */

export { ClassIndex } from "./class_rules.ts";
export * from "./decision.ts";
export { DecisionTable } from "./decision_table.ts";
export { PairRules } from "./pair_rules.ts";
export type { PortTable } from "./port_table.ts";
export { ProgramEvaluator, readProgram } from "./program_evaluator.ts";
export { isBelow, matchesTopic, qualified } from "./topic_match.ts";
