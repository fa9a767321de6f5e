/**
 * Compiles queries to the SQL of SQLite.
 * @module
 */
import type { PartialResult } from "./partial.ts";
import type { JsonValue, Path, Query, QueryParameters } from "./query.ts";

/** Where a collection lies in SQLite. */
export interface SqlSource {
  /** The table, as SQL; quote it where it needs quotes. */
  readonly table: string;
  /** The SQL of a row's key: a text, unique, collated as `BINARY`. */
  readonly key: string;
  /** The SQL of a row's value as JSON text that `JSON.stringify` wrote. */
  readonly document: string;
  /**
   * The SQL of a property that has a column of its own, which must have been generated as {@link propertySql}; undefined
   * where it has none. For an index to be used it is made on `(column COLLATE NOCASE, key)`, and for queries with
   * `match-case` on `(column COLLATE BINARY, key)`.
   */
  columns(path: Path): string | undefined;
}

/** A value that is bound to SQL. */
export type SqlValue = null | number | string;

/** A row as SQLite answers: values by the names of their columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** SQL with one `?` for each of its values, and how its rows are read. */
export interface CompiledSql<Answer> {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Makes the answer from the rows of the statement, in their order. */
  read(rows: Iterable<SqlRow>): Answer;
}

/**
 * Compiles a query for SQLite: the answer equals that of {@link evaluate} over the same rows.
 * @throws {QueryError} where a parameter is missing or not of its kind; reading throws it where there are too many groups
 */
export function compileSql(
  query: Query,
  source: SqlSource,
  parameters: QueryParameters = {},
): CompiledSql<JsonValue[]> {
  throw new Error(`not written yet: ${query.from} ${source.table} ${parameters}`);
}

/**
 * Compiles what one shard answers: {@link merge} makes the answer of it.
 * @throws {QueryError} where a parameter is missing or not of its kind; reading throws it where there are too many groups
 */
export function compilePartialSql(
  query: Query,
  source: SqlSource,
  parameters: QueryParameters = {},
): CompiledSql<PartialResult> {
  throw new Error(`not written yet: ${query.from} ${source.table} ${parameters}`);
}

/**
 * The SQL of a property, to generate a column or an index by: its values compare in SQLite as the language compares them.
 * @param document the SQL of the value as JSON
 * @throws {QueryError} where a name of the path cannot stand in a query
 */
export function propertySql(document: string, path: Path): string {
  throw new Error(`not written yet: ${document} ${path}`);
}
