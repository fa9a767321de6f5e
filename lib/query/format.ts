/**
 * Writes queries.
 * @module
 */
import type { Column, Filter, Query } from "./query.ts";

/** @returns the text of a query: {@link parseQuery} reads from it an equal one */
export function formatQuery(query: Query): string {
  throw new Error(`not written yet: ${query.from}`);
}

/** @returns the text of a filter, as {@link parseFilter} reads it */
export function formatFilter(filter: Filter): string {
  throw new Error(`not written yet: ${filter.matchCase}`);
}

/** @returns the text of a column, which is its name in results: `total`, `customer.name`, `sum(total)` */
export function formatColumn(column: Column): string {
  throw new Error(`not written yet: ${column.type}`);
}
