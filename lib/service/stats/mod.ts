/**
 * How calls went, counted: by action, on both sides. What is counted allocates nothing, is bounded, and names nothing that
 * only somebody else has said: an action gets counters of its own when somebody who offers it was asked.
 * @module
 */

export { ActionCounters, type ActionFigures, type CallTotals } from "./action_counters.ts";
export { CallCounters, CallStats, MAX_COUNTED_ACTIONS, OTHER_ACTIONS } from "./call_stats.ts";
export { EventCounters } from "./event_counters.ts";
export { LATENCY_BOUNDS_SECONDS, type LatencySnapshot } from "./latency_histogram.ts";
