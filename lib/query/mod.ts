/**
 * The query language of collections.
 * @module
 */

export * from "./bounds.ts";
export * from "./builder.ts";
export * from "./evaluate.ts";
export * from "./filter.ts";
export * from "./format.ts";
export * from "./parser.ts";
export * from "./partial.ts";
export type * from "./query.ts";
export * from "./query_error.ts";
export * from "./sql.ts";
