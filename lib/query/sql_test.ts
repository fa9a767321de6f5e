import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import {
  type CompiledSql,
  compilePartialSql,
  compileSql,
  decodePartial,
  evaluate,
  formatQuery,
  type JsonValue,
  merge,
  parseQuery,
  type Path,
  propertySql,
  type Query,
  QueryError,
  type QueryRow,
  type SqlSource,
} from "./mod.ts";
import { anyParameters, anyQuery, anyRows } from "./testing/arbitrary_query.ts";

const RUNS = Deno.env.get("WEFT_TEST_THOROUGH") === undefined ? 300 : 20_000;

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

const PLAIN: SqlSource = { ...SOURCE, columns: () => undefined };

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

/** Sums of any fractions depend on the order in which SQLite takes the rows; those of quarters are exact. */
function withQuarters(rows: readonly QueryRow[]): QueryRow[] {
  const quarter = (_: string, value: JsonValue) =>
    typeof value === "number" ? Math.trunc(value % 2 ** 40 * 4) / 4 + 0 : value;
  return rows.map(({ key, value }) => ({ key, value: JSON.parse(JSON.stringify(value), quarter) }));
}

function addsNumbers(query: Query): boolean {
  return /(?:sum|avg)\(/.test(formatQuery(query));
}

Deno.test("compileSql() answers exactly what evaluate() answers, with and without indexes", () => {
  using database = openDatabase();
  fc.assert(
    fc.property(anyQuery(), anyRows(), anyParameters(), (query, anyRows, parameters) => {
      const rows = addsNumbers(query) ? withQuarters(anyRows) : anyRows;
      fill(database, rows);
      const want = evaluate(query, rows, parameters);
      assert.deepEqual(run(database, compileSql(query, PLAIN, parameters)), want);
      assert.deepEqual(run(database, compileSql(query, SOURCE, parameters)), want);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("compileSql() matches patterns and orders texts as evaluate() does, at the edges of letters and of GLOB", () => {
  using database = openDatabase();
  const letters = [
    "@",
    "A",
    "Z",
    "[",
    "]",
    "^",
    "`",
    "a",
    "z",
    "{",
    "?",
    "*",
    "-",
    "é",
    "\ud7ff",
    "\ue000",
    "\u{10ffff}",
  ];
  const texts = [
    "",
    ...letters,
    ...letters.flatMap((a) => letters.map((b) => a + b)),
    "[a]",
    "[^z]",
    "[a-z]",
    "5.0",
  ];
  const rows = texts.map((a, i): QueryRow => ({ key: `${i}`, value: { a, c: a } }));
  rows.push({ key: "number", value: { a: 5, c: 5 } }, { key: "boolean", value: { a: true, c: true } });
  fill(database, rows);
  const operands = [...letters, "[a-z]", "[^z]"].flatMap((text) => [
    [text, ""],
    ["", text],
    ["", text, ""],
  ]);
  for (const matchCase of [false, true]) {
    for (const name of ["a", "c"]) {
      const column = { type: "property", path: [name] } as const;
      for (const parts of [...operands, ["", ""], ["a", "z"]]) {
        const where = {
          type: "compare",
          column,
          operator: "=",
          operand: { type: "pattern", parts },
        } as const;
        const query: Query = { ...parseQuery("select * from o"), where, matchCase };
        assert.deepEqual(
          run(database, compileSql(query, SOURCE)),
          evaluate(query, rows),
          JSON.stringify(parts),
        );
      }
      for (const least of letters) {
        const query = { ...parseQuery(`select * from o where ${name} >= :least sort-by ${name}`), matchCase };
        assert.deepEqual(
          run(database, compileSql(query, SOURCE, { least })),
          evaluate(query, rows, { least }),
        );
      }
    }
  }
});

Deno.test("compilePartialSql() of each shard, merged, is what evaluate() answers of all rows", () => {
  using database = openDatabase();
  fc.assert(
    fc.property(
      anyQuery(),
      anyRows(),
      anyParameters(),
      fc.integer({ min: 1, max: 4 }),
      (query, anyRows, parameters, shards) => {
        const rows = addsNumbers(query) ? withQuarters(anyRows) : anyRows;
        const partials = Array.from({ length: shards }, (_, shard) => {
          fill(database, rows.filter((_, i) => i % shards === shard));
          const answer = run(database, compilePartialSql(query, SOURCE, parameters));
          const decoded = decodePartial(query, JSON.parse(JSON.stringify(answer)));
          assert.ok(decoded);
          return decoded;
        });
        assert.deepEqual(merge(query, partials, parameters), evaluate(query, rows, parameters));
      },
    ),
    { numRuns: RUNS >> 1 },
  );
});

Deno.test("compileSql() binds every value, and lets the indexes serve", () => {
  using database = openDatabase();
  const cases: readonly [query: string, plan: RegExp][] = [
    ["select * from o where a = 'x\\'; drop'", /SEARCH rows USING INDEX i_p0 \(p0=\?\)$/],
    ["select * from o where a in [x, y, 3]", /SEARCH rows USING INDEX i_p0 \(p0=\?\)/],
    [
      "select * from o where a > 100 and a <= 200 sort-by a",
      /SEARCH rows USING INDEX i_p0 \(p0>\? AND p0<\?\)$/,
    ],
    ["select * from o where a = 'x*'", /SEARCH rows USING INDEX i_p0 \(p0>\? AND p0<\?\)/],
    ["select * from o sort-by a descending limit 3", /SCAN rows USING INDEX i_p0$/],
    ["select * from o where b = x match-case", /SEARCH rows USING INDEX i_p1 \(p1=\?\)$/],
    [
      "select * from o where b = x sort-by c match-case",
      /SEARCH rows USING INDEX i_p1 \(p1=\?\).*TEMP B-TREE/s,
    ],
  ];
  for (const [text, plan] of cases) {
    const { sql, values } = compileSql(parseQuery(text), SOURCE);
    assert.doesNotMatch(sql, /drop|100|'x/);
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    assert.match(steps.map(({ detail }) => detail).join("\n"), plan, text);
  }
  // A range with two ends of its own gets no third, which SQLite might take instead.
  const range = compileSql(parseQuery("select * from o where a > 100 and a <= 200"), SOURCE);
  assert.match(range.sql, /p0 COLLATE NOCASE > \?.*p0 COLLATE NOCASE <= \?/);
  assert.doesNotMatch(range.sql, /< ''/);
});

Deno.test("propertySql() refuses what SQLite's paths cannot name", () => {
  for (const name of ['a"b', "a\\b", "a\0b", ""]) {
    assert.throws(() => propertySql("value", [name]), QueryError);
  }
});
