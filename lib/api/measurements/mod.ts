/**
 * What an agent measures of itself, for metrics: the types, and the operation that asks for it.
 * @module
 */

export { MEASUREMENT_OPERATIONS } from "./measurement_operations.ts";
export type * from "./measurements.ts";
