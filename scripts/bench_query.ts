// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:query`: queries over a million rows, beside SQLite with SQL by hand for the same answers, in turns; and the
 * evaluator over the same rows in memory. All prepare a statement once, bind the same values and parse the documents they answer; "weft"
 * finds what it has compiled by the text of the query, as an owner does, "compiled" has it in hand. The least of the rounds.
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { randomFraction, SeededRandom } from "../lib/base/mod.ts";
import {
  type CompiledSql,
  compileFilter,
  compileSql,
  evaluate,
  type JsonValue,
  parseFilter,
  parseQuery,
  propertySql,
  type Query,
  type QueryRow,
  QueryTexts,
  type SqlSource,
  type SqlValue,
} from "../lib/query/mod.ts";

const ROWS = Number(Deno.args[0] ?? 1_000_000);
const ROUNDS = 15;
/** How long one round of one side takes at least, in microseconds of processor time. */
const ROUND_US = 50_000;

const COLUMNS: Readonly<Record<string, string>> = { status: "p_status", total: "p_total" };
const SOURCE: SqlSource = {
  table: "orders",
  key: "key",
  document: "value",
  columns: (path) => path.length === 1 ? COLUMNS[path[0] ?? ""] : undefined,
};

interface Case {
  readonly name: string;
  readonly query: string;
  /** The same by hand, over columns that SQLite would have for it. */
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Makes of a row by hand what the query answers. */
  readonly read: (row: Record<string, unknown>) => JsonValue;
}

const parse = (row: Record<string, unknown>): JsonValue => JSON.parse(String(row["value"]));
const CASES: readonly Case[] = [
  {
    name: "one key of a unique property",
    query: "select * from orders where total = 500000.25",
    sql: "SELECT value FROM orders WHERE r_total = ?",
    values: [500000.25],
    read: parse,
  },
  {
    name: "100 of 1,000 equal by index",
    query: "select * from orders where status = s17 limit 100",
    sql: "SELECT value FROM orders WHERE r_status = ? COLLATE NOCASE ORDER BY key LIMIT ?",
    values: ["s17", 100],
    read: parse,
  },
  {
    name: "a range of 1,000 by index, sorted",
    query: "select * from orders where total > 1000 and total <= 2000 sort-by total",
    sql: "SELECT value FROM orders WHERE r_total > ? AND r_total <= ? ORDER BY r_total",
    values: [1000, 2000],
    read: parse,
  },
  {
    name: "page 2 of the greatest by index",
    query: "select * from orders sort-by total descending limit 10 page 2",
    sql: "SELECT value FROM orders ORDER BY r_total DESC LIMIT ? OFFSET ?",
    values: [10, 10],
    read: parse,
  },
  {
    name: "count and sum of 3 groups by index",
    query: "select status, count(*), sum(total) from orders where status in [s1, s2, s3] group-by status",
    sql:
      "SELECT r_status, count(*) AS n, total(r_total) AS s FROM orders WHERE r_status COLLATE NOCASE IN (?, ?, ?) " +
      "GROUP BY r_status COLLATE BINARY ORDER BY r_status",
    values: ["s1", "s2", "s3"],
    read: ({ r_status, n, s }) => ({
      status: String(r_status),
      "count(*)": Number(n),
      "sum(total)": Number(s),
    }),
  },
  {
    name: "all rows, no index",
    query: "select count(*) from orders where customer.city = c7 match-case",
    sql: "SELECT count(*) AS n FROM orders WHERE json_extract(value, '$.customer.city') = ?",
    values: ["c7"],
    read: ({ n }) => ({ "count(*)": Number(n) }),
  },
];

function rowsOf(count: number): QueryRow[] {
  const random = new SeededRandom(1);
  const shuffled = Array.from({ length: count }, (_, i) => i + 0.25);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor(randomFraction(random) * (i + 1));
    [shuffled[i], shuffled[other]] = [shuffled[other] ?? 0, shuffled[i] ?? 0];
  }
  return shuffled.map((total, i) => ({
    key: `order-${`${i}`.padStart(8, "0")}`,
    value: {
      id: i,
      status: `S${i % Math.max(1, count / 1_000)}`,
      total,
      customer: { name: `Customer ${i % 5_000}`, city: `c${i % 100}` },
      note: "a few words that nobody asks for",
    },
  }));
}

function fill(database: DatabaseSync, rows: readonly QueryRow[]): void {
  database.exec(`CREATE TABLE orders (key TEXT PRIMARY KEY, value TEXT NOT NULL,
    p_status AS (${propertySql("value", ["status"])}), p_total AS (${propertySql("value", ["total"])}),
    r_status TEXT AS (json_extract(value, '$.status')), r_total REAL AS (json_extract(value, '$.total')))`);
  const insert = database.prepare("INSERT INTO orders (key, value) VALUES (?, ?)");
  database.exec("BEGIN");
  for (const { key, value } of rows) insert.run(key, JSON.stringify(value));
  database.exec("COMMIT");
  database.exec("CREATE INDEX p1 ON orders (p_status COLLATE NOCASE, key)");
  database.exec("CREATE INDEX p2 ON orders (p_total COLLATE NOCASE, key)");
  database.exec("CREATE INDEX r1 ON orders (r_status COLLATE NOCASE, key)");
  database.exec("CREATE INDEX r2 ON orders (r_total)");
}

/** @returns microseconds of processor time a call: others may use the machine */
function measure(run: () => unknown): number {
  const start = process.cpuUsage();
  for (let calls = 1;; calls++) {
    run();
    const { user, system } = process.cpuUsage(start);
    if (user + system >= ROUND_US) return (user + system) / calls;
  }
}

function show(name: string, values: readonly string[]): void {
  console.log(name.padEnd(38) + values.map((value) => value.padStart(14)).join(""));
}

const rows = rowsOf(ROWS);
using database = new DatabaseSync(":memory:");
fill(database, rows);
const texts = new QueryTexts();
const compiledOf = new WeakMap<Query, CompiledSql<JsonValue[]>>();
const statements = new Map<string, StatementSync>();
const prepared = (sql: string): StatementSync => {
  const known = statements.get(sql) ?? database.prepare(sql);
  statements.set(sql, known);
  return known;
};

console.log(
  `${ROWS} rows, SQLite ${database.prepare("SELECT sqlite_version() AS v").get()?.["v"]}, best of ${ROUNDS}`,
);
show("", ["weft us", "compiled us", "by hand us", "hand/weft", "hand/compiled"]);
for (const { name, query, sql, values, read } of CASES) {
  const weft = (): JsonValue[] => {
    const read = texts.parse(query);
    const compiled = compiledOf.get(read) ?? compileSql(read, SOURCE);
    compiledOf.set(read, compiled);
    return compiled.read(prepared(compiled.sql).all(...compiled.values));
  };
  const once = compileSql(parseQuery(query), SOURCE);
  const compiled = (): JsonValue[] => once.read(prepared(once.sql).all(...once.values));
  const byHand = (): JsonValue[] => prepared(sql).all(...values).map(read);
  assert.deepEqual(weft(), byHand(), name);
  const best = [Infinity, Infinity, Infinity];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of [weft, compiled, byHand].entries()) best[i] = Math.min(best[i] ?? 0, measure(run));
  }
  const [text = NaN, ours = NaN, theirs = NaN] = best;
  show(name, [...best.map((us) => us.toFixed(1)), (theirs / text).toFixed(2), (theirs / ours).toFixed(2)]);
}

console.log("\nin memory");
show("", ["ms", "rows/s"]);
for (
  const query of [
    "select id from orders where status = s17 limit 100",
    "select id from orders sort-by total descending limit 10",
    "select count(*), avg(total) from orders where total > 1000",
    "select customer.city, sum(total) from orders group-by customer.city",
  ]
) {
  const parsed = parseQuery(query);
  let ms = Infinity;
  for (let round = 0; round < 3; round++) {
    ms = Math.min(ms, measure(() => evaluate(parsed, rows)) / 1_000);
  }
  show(query.slice(0, 37), [ms.toFixed(0), (ROWS / ms * 1_000).toFixed(0)]);
}
const test = compileFilter(parseFilter("status = s17 and total > 100 or customer.city = 'c9*'"));
let found = 0;
const ms = measure(() => {
  found = 0;
  for (const { value } of rows) if (test(value)) found += 1;
}) / 1_000;
show(`a watch's filter, ${found} found`, [ms.toFixed(0), (ROWS / ms * 1_000).toFixed(0)]);
const long = `select * from orders where ${
  Array<string>(250).fill("customer.name = 'J*' and status != open").slice(0, 120).join(" or ")
}`;
show(`reading ${long.length} characters`, [(measure(() => parseQuery(long)) / 1_000).toFixed(3), ""]);
