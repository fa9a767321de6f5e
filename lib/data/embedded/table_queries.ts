/**
 * Queries of tables: each row is shown to whoever asks only where they may see it, and the answer is bounded.
 * @module
 */

import {
  type CompiledSql,
  type Query,
  QueryError,
  type QueryParameters,
  type SqlSource,
} from "../../query/mod.ts";
import { MAX_ANSWER_BYTES } from "../bounds.ts";
import { AnswerRoom } from "../documents.ts";
import type { QueryLimits } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionTable } from "./collection_table.ts";
import type { SqlDatabase, SqlRow, SqlStatement } from "./sql_database.ts";

/** The function of SQL that asks whether a key may be seen. */
const SEES = "weft_sees";
const EVERYTHING = () => true;
/** A query looks at the time each so many rows. */
const PROGRESS_ROWS = 256;

/** So many statements are kept as they were prepared: to prepare one takes some ten times as long as a small answer. */
const MAX_STATEMENTS = 64;

/** Makes the SQL of a query. */
export type CompileQuery<Answer> = (
  query: Query,
  source: SqlSource,
  parameters: QueryParameters,
) => CompiledSql<Answer>;

/** Answers queries one after the other. */
export class TableQueries {
  readonly #database: SqlDatabase;
  /** By their SQL, the one that was used last at the end. */
  readonly #statements = new Map<string, SqlStatement>();
  /** Of queries without parameters, of the tables that they were compiled for; a table that gets an index is another one. */
  readonly #compiled = new WeakMap<
    CollectionTable,
    WeakMap<Query, { readonly compile: unknown; readonly compiled: CompiledSql<unknown> }>
  >();
  /** What the query that runs may see. */
  #sees: (key: string) => boolean = EVERYTHING;

  constructor(database: SqlDatabase) {
    this.#database = database;
    database.function(SEES, { directOnly: true }, (key) => this.#sees(String(key)) ? 1 : 0);
  }

  /** @throws DataError with code `InvalidQuery` or `TooLarge` */
  answer<Answer>(
    table: CollectionTable,
    query: Query,
    parameters: QueryParameters,
    compile: CompileQuery<Answer>,
    { isVisible = EVERYTHING, onProgress = () => {} }: QueryLimits,
  ): Answer {
    try {
      const compiled = this.#compile(table, query, parameters, compile);
      let rows = 0;
      this.#sees = (key) => {
        if (++rows % PROGRESS_ROWS === 0) onProgress();
        return isVisible(key);
      };
      const found = this.#statement(compiled.sql).iterate(...compiled.values);
      return compiled.read(withinBytes(found));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      throw new DataError("InvalidQuery", `Cannot answer the query: ${error.message}`, { cause: error });
    } finally {
      this.#sees = EVERYTHING;
    }
  }

  #compile<Answer>(
    table: CollectionTable,
    query: Query,
    parameters: QueryParameters,
    compile: CompileQuery<Answer>,
  ): CompiledSql<Answer> {
    if (Object.keys(parameters).length > 0) return compile(query, table.source(`${SEES}(key)`), parameters);
    const ofTable = this.#compiled.get(table) ?? new WeakMap();
    this.#compiled.set(table, ofTable);
    const known = ofTable.get(query);
    if (known?.compile === compile) return known.compiled as CompiledSql<Answer>;
    const compiled = compile(query, table.source(`${SEES}(key)`), parameters);
    ofTable.set(query, { compile, compiled });
    return compiled;
  }

  #statement(sql: string): SqlStatement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    const [oldest] = this.#statements.keys();
    if (this.#statements.size > MAX_STATEMENTS && oldest !== undefined) this.#statements.delete(oldest);
    return statement;
  }
}

/** @throws DataError with code `TooLarge` */
function* withinBytes(rows: Iterable<SqlRow>): Generator<SqlRow> {
  const room = new AnswerRoom();
  for (const row of rows) {
    for (const value of Object.values(row)) if (!room.take(`${value}`)) throw answerTooLarge();
    yield row;
  }
}

/** @returns what is thrown where more is asked for than an answer holds */
export function answerTooLarge(): DataError {
  return new DataError("TooLarge", `An answer holds at most ${MAX_ANSWER_BYTES} bytes of JSON`, {
    hint: "Ask for less at once: by limit and page, or by prefix.",
  });
}
