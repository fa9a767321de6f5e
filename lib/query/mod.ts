/**
 * The query language of collections.
 * @module
 */

export type { PartialAggregate } from "./aggregate.ts";
export * from "./bounds.ts";
export * from "./builder.ts";
export * from "./decode_partial.ts";
export * from "./evaluate.ts";
export { compileFilter, matches } from "./filter.ts";
export * from "./format.ts";
export * from "./parser.ts";
export { merge, partial, type PartialGroup, type PartialResult, type PartialRow } from "./partial.ts";
export type * from "./query.ts";
export * from "./query_error.ts";
export * from "./sql.ts";
export type { ComparedValue, Composite } from "./values.ts";
