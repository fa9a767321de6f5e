import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import {
  type CompiledSql,
  compilePartialSql,
  compileSql,
  decodePartial,
  evaluate,
  type JsonValue,
  merge,
  parseQuery,
  type Path,
  propertySql,
  type QueryRow,
  type SqlSource,
} from "./mod.ts";
import { anyParameters, anyQuery, anyRows } from "./testing/arbitrary_query.ts";

const RUNS = Deno.env.get("WEFT_TEST_THOROUGH") === undefined ? 1_500 : 60_000;

/** A table in which one property is a plain column with an index, and one an index with the case matched. */
const COLUMNS: readonly { path: Path; column: string; collation: string }[] = [
  { path: ["a"], column: "p0", collation: "NOCASE" },
  { path: ["b"], column: "p1", collation: "BINARY" },
  { path: ["a", "it's"], column: "p2", collation: "NOCASE" },
];

const SOURCE: SqlSource = {
  table: `"rows"`,
  key: `"key"`,
  document: `"value"`,
  columns: (path) => COLUMNS.find((known) => known.path.join("\n") === path.join("\n"))?.column,
};

function openDatabase(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  const columns = COLUMNS.map(({ path, column }) =>
    `, ${column} GENERATED ALWAYS AS (${propertySql(`"value"`, path)}) VIRTUAL`
  );
  database.exec(`CREATE TABLE "rows" ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL${columns.join("")})`);
  for (const { column, collation } of COLUMNS) {
    database.exec(`CREATE INDEX i_${column} ON "rows" (${column} COLLATE ${collation}, "key")`);
  }
  return database;
}

function fill(database: DatabaseSync, rows: readonly QueryRow[]): void {
  database.exec(`DELETE FROM "rows"`);
  const insert = database.prepare(`INSERT INTO "rows" ("key", "value") VALUES (?, ?)`);
  for (const { key, value } of rows) insert.run(key, JSON.stringify(value));
}

function run<T>(database: DatabaseSync, compiled: CompiledSql<T>): T {
  return compiled.read(database.prepare(compiled.sql).all(...compiled.values));
}

/** Sums of fractions depend on the order in which they are added: they are compared but for their last places. */
function rounded(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value), (_, one) => typeof one === "number" ? Number(one.toPrecision(12)) : one);
}

Deno.test("compileSql() answers exactly what evaluate() answers, with and without indexes", () => {
  using database = openDatabase();
  const plain = { ...SOURCE, columns: () => undefined };
  fc.assert(
    fc.property(anyQuery(), anyRows(), anyParameters(), (query, rows, parameters) => {
      fill(database, rows);
      const want = evaluate(query, rows, parameters);
      assert.deepEqual(run(database, compileSql(query, plain, parameters)), want);
      assert.deepEqual(run(database, compileSql(query, SOURCE, parameters)), want);
    }),
    { numRuns: RUNS },
  );
});
