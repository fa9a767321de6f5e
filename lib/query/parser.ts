/**
 * Reads queries and filters.
 * @module
 */
import type { Filter, Query } from "./query.ts";

/**
 * Reads a query.
 * @throws {QueryError} where the text is none
 */
export function parseQuery(text: string): Query {
  throw new Error(`not written yet: ${text}`);
}

/**
 * Reads a condition, as after `where`, and `match-case` after it where it is wanted: `status = open and total > :least`.
 * @throws {QueryError} where the text is none
 */
export function parseFilter(text: string): Filter {
  throw new Error(`not written yet: ${text}`);
}
