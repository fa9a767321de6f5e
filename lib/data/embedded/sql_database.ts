/**
 * SQLite, as a port: what of `DatabaseSync` of `node:sqlite` is used here.
 * @module
 */

/**
 * A limit that is bound. SQLite plans by one that stands alone (since 3.47), and so prepares the statement anew whenever
 * something else is bound, which takes longer than what most of them do.
 * @param parameter by which it is bound
 */
export function boundLimit(parameter = "?"): string {
  return `LIMIT ${parameter} + 0`;
}

/** What is bound to a statement. */
export type SqlInput = null | number | string;

/** A row by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** A prepared statement. */
export interface SqlStatement {
  get(...values: SqlInput[]): SqlRow | undefined;
  all(...values: SqlInput[]): SqlRow[];
  run(...values: SqlInput[]): unknown;
  iterate(...values: SqlInput[]): Iterable<SqlRow>;
}

/** An open database that nobody else writes to. All calls are synchronous. */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  /** Makes a function of SQL; what it throws, the statement throws. */
  function(name: string, options: { readonly directOnly?: boolean }, call: (key: unknown) => number): void;
  readonly isTransaction: boolean;
  close(): void;
}
