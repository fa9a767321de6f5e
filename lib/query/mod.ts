/**
 * The query language of collections: reads and writes queries, builds them in TypeScript, answers them from rows in memory, as
 * SQL of SQLite, and from shards. It touches no database: it makes SQL and reads rows, and whoever has the database runs it.
 *
 *     text ── parseQuery ──▶ Query ──┬─ evaluate ─────────────────────▶ answer
 *     from(…) … toQuery() ──▶        ├─ compileSql ── SQLite ── read ─▶ answer
 *                ◀── formatQuery ──  ├─ partial, compilePartialSql ─┐
 *                                    │        (each shard)          ├─ merge ─▶ answer
 *                                    └─ compileFilter, matches: single values, for a watch
 *
 * **A query** is written in this order, and only the first two clauses must be there:
 *
 *     select id, customer.name           what is answered; * is the whole value
 *     from orders                        the collection
 *     where total > 100 and status in [open, 'part paid'] and not customer.name = 'J*'
 *     group-by status                    makes groups of rows
 *     having count(*) > :least           which groups; both conditions read alike
 *     sort-by total descending, id       ascending unless it says descending
 *     limit 10 page 2                    pages count from 1
 *     match-case                         tells a from A
 *
 * **Words.** Keywords are the same in any case; names are not. A property's names have dots between them, and lead through
 * objects, not into lists. A name that is a keyword or has other characters than letters, digits, `_`, `$` and `-` stands
 * between quotes: `'from'.'a b'`. A value is a number, `true`, `false`, `null`, a text between single or double quotes, or a
 * single word: `status = open`. A word that reads as a number or as one of the three is that, and not a text. Between
 * quotes a doubled quote is a quote, and a backslash takes the quote, the star or the backslash behind it as it is. `:name` is a
 * parameter, bound as a value when the query is answered and never read as text of the query; `in :name` takes a list.
 *
 * **Conditions.** `not` binds before `and`, `and` before `or`, parentheses before all. The tests are `=`, `!=`, `<`, `<=`, `>`,
 * `>=`, `in` and `not in`, with a column on the left and values on the right; lists stand in brackets or parentheses. Every
 * test is true or false:
 *
 * - What is absent is null, and null equals null alone. `!=` and `not in` are the opposites of `=` and `in`, so they hold of null.
 * - Values of two types are never equal: 1 is not '1'. An order holds between two numbers, two texts or two booleans (false
 *   comes first), never else.
 * - A `*` in a text that is compared by `=`, `!=`, `in` or `not in` stands for any text, also none; such a text matches texts
 *   alone. A parameter has no wildcards.
 * - An object or list equals nothing; `!= null` holds of it.
 * - Texts are in the order of their code points. Unless the query says `match-case`, `A` to `Z` are `a` to `z` in tests and in
 *   `sort-by`; other letters are always told apart by case.
 *
 * **Order.** `sort-by` takes values of all types: null, numbers, texts, false, true, then objects and lists, which are alike.
 * Rows that are equal come by key, in the direction of the last column; groups by what they are grouped by. So an answer
 * has one order, and pages neither miss nor repeat a row.
 *
 * **Groups.** With `group-by` or an aggregate a query answers groups: `count(*)` and `count(a)` (what is not null), `sum(a)` and
 * `avg(a)` (of the numbers), `min(a)` and `max(a)` (of all but objects and lists, in the order above). Without `group-by` all
 * rows are one group, also none at all. Groups and least and greatest values always match the case; objects and lists are one
 * group, shown as `{}`. The sum of nothing is 0, other aggregates of nothing are null, and so is a sum that no number holds.
 *
 * **Answers** name columns as they are written: `{ "id": 7, "customer.name": "Jane" }`, `{ "sum(total)": 420 }`.
 *
 * **Bounds** stand in `bounds.ts`. Whatever is wrong with a query is a {@link QueryError} with its column.
 *
 * The language is that of Layer 8 (L8QL), with `not`, precedence, parameters, errors and several columns to sort by.
 *
 * DEVIATION: names match the case, since two properties of JSON may differ by it. DEVIATION: texts of several words need
 * quotes, so that a keyword with a slip in it is an error and not part of a value. DEVIATION: a pattern is anchored: `J*` begins
 * with J. DEVIATION: a property of the objects in a list is not reached through the list.
 *
 * @module
 */

export type { PartialAggregate } from "./aggregate.ts";
export * from "./bounds.ts";
export * from "./builder.ts";
export * from "./decode_partial.ts";
export * from "./evaluate.ts";
export { compileFilter, matches } from "./filter.ts";
export * from "./format.ts";
export * from "./parser.ts";
export { merge, partial, type PartialGroup, type PartialResult, type PartialRow } from "./partial.ts";
export type * from "./query.ts";
export * from "./query_error.ts";
export * from "./query_texts.ts";
export * from "./sql.ts";
export { type ComparedValue, compareTexts, type Composite } from "./values.ts";
