/**
 * Queries of tables: each row is shown to whoever asks only where they may see it, and the answer is bounded.
 * @module
 */

import { type CompiledSql, QueryError, type SqlSource } from "../../query/mod.ts";
import { MAX_ANSWER_BYTES } from "../bounds.ts";
import { AnswerRoom } from "../documents.ts";
import type { QueryLimits } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionTable } from "./collection_table.ts";
import type { SqlDatabase, SqlRow } from "./sql_database.ts";

/** The function of SQL that asks whether a key may be seen. */
const SEES = "weft_sees";
const EVERYTHING = () => true;
/** A query looks at the time each so many rows. */
const PROGRESS_ROWS = 256;

/** Answers queries one after the other. */
export class TableQueries {
  readonly #database: SqlDatabase;
  /** What the query that runs may see. */
  #sees: (key: string) => boolean = EVERYTHING;

  constructor(database: SqlDatabase) {
    this.#database = database;
    database.function(SEES, { directOnly: true }, (key) => this.#sees(String(key)) ? 1 : 0);
  }

  /** @throws DataError with code `InvalidQuery` or `TooLarge` */
  answer<Answer>(
    table: CollectionTable,
    compile: (source: SqlSource) => CompiledSql<Answer>,
    { isVisible = EVERYTHING, onProgress = () => {} }: QueryLimits,
  ): Answer {
    try {
      const compiled = compile(table.source(`${SEES}(key)`));
      let rows = 0;
      this.#sees = (key) => {
        if (++rows % PROGRESS_ROWS === 0) onProgress();
        return isVisible(key);
      };
      const found = this.#database.prepare(compiled.sql).iterate(...compiled.values);
      return compiled.read(withinBytes(found));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      throw new DataError("InvalidQuery", `Cannot answer the query: ${error.message}`, { cause: error });
    } finally {
      this.#sees = EVERYTHING;
    }
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
