/**
 * Answers queries from rows in memory: the meaning of the language, which the SQL must equal.
 * @module
 */

import { merge, partial } from "./partial.ts";
import type { JsonValue, Query, QueryParameters, QueryRow } from "./query.ts";

/**
 * Answers a query from rows in memory, in whatever order they come. With a limit it keeps no more rows than twice those up to
 * the page.
 * @returns whole values for `select *`, otherwise an object of the selected columns for each row or group, named as
 * `formatColumn` writes them
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseQuery } from "./mod.ts";
 *
 * const rows = [120, 80, 300].map((total, i) => ({ key: `${i}`, value: { status: i < 2 ? "open" : "paid", total } }));
 * const query = parseQuery("select status, sum(total) from orders group-by status having sum(total) > :least");
 * assert.deepEqual(evaluate(query, rows, { least: 250 }), [{ status: "paid", "sum(total)": 300 }]);
 * ```
 */
export function evaluate(
  query: Query,
  rows: Iterable<QueryRow>,
  parameters: QueryParameters = {},
): JsonValue[] {
  return merge(query, [partial(query, rows, parameters)], parameters);
}
