/**
 * What an agent measures of itself, for metrics.
 * @module
 */

export type * from "./measurements.ts";
