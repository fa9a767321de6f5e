/**
 * Answers queries from rows in memory.
 * @module
 */
import type { JsonValue, Query, QueryParameters, QueryRow } from "./query.ts";

/**
 * Answers a query from rows in memory, in whatever order they come.
 * @returns whole values for `select *`, otherwise an object of the selected columns for each row or group, named as
 * {@link formatColumn} writes them
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 */
export function evaluate(query: Query, rows: Iterable<QueryRow>, parameters: QueryParameters = {}): JsonValue[] {
  throw new Error(`not written yet: ${query.from} ${rows} ${parameters}`);
}
