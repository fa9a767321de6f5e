/**
 * Conditions on single values.
 * @module
 */
import type { Filter, JsonValue, QueryParameters } from "./query.ts";

/**
 * Makes a test of single values from the `where` of a filter or query, for a watch or a scan: bind once, then call often.
 * @throws {QueryError} where a parameter is missing or not of its kind
 */
export function compileFilter(filter: Filter, parameters: QueryParameters = {}): (value: JsonValue) => boolean {
  throw new Error(`not written yet: ${filter.matchCase} ${parameters}`);
}

/**
 * @returns whether a value satisfies the `where` of a filter or query
 * @throws {QueryError} where a parameter is missing or not of its kind
 */
export function matches(filter: Filter, value: JsonValue, parameters: QueryParameters = {}): boolean {
  return compileFilter(filter, parameters)(value);
}
