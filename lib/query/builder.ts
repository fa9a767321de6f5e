/**
 * Builds queries in TypeScript, checked by the compiler.
 * @module
 */
import type { Query } from "./query.ts";

/** A query that is being built: every step makes a new one. */
export interface QueryBuilder<Row, Result = Row> {
  /** Names the result's type; there is no such property. */
  readonly resultType?: Result;
  /** Names the row's type; there is no such property. */
  readonly rowType?: Row;
  /** @throws {QueryError} where what was built is no query */
  toQuery(): Query;
}

/** Begins a query of a collection. */
export function from<Row>(collection: string): QueryBuilder<Row> {
  throw new Error(`not written yet: ${collection}`);
}
