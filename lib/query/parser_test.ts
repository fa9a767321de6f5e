import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Condition,
  MAX_CONDITION_DEPTH,
  MAX_CONDITIONS,
  MAX_LIST_LENGTH,
  MAX_QUERY_LENGTH,
  parseFilter,
  parseQuery,
  QueryError,
} from "./mod.ts";
import { KEYWORDS } from "./words.ts";

const IS_THOROUGH = Deno.env.get("WEFT_TEST_THOROUGH") === "1";

function property(...path: string[]) {
  return { type: "property", path } as const;
}

function compare(
  name: string,
  operator: "=" | ">" | "<=",
  value: string | number | boolean | null,
): Condition {
  return { type: "compare", column: property(name), operator, operand: { type: "literal", value } };
}

Deno.test("parseQuery() reads every clause", () => {
  const query = parseQuery(
    "Select status, customer.name, count(*), SUM(total) fRom orders wHere total >= 1.5e2 and not paid = TRUE " +
      "group-by status, customer.name having count(*) > :least sort-by sum(total) descending, status limit 10 page 2 match-case",
  );
  const sum = { type: "aggregate", function: "sum", path: ["total"] };
  const count = { type: "aggregate", function: "count", path: undefined };
  assert.deepEqual(query, {
    columns: [property("status"), property("customer", "name"), count, sum],
    from: "orders",
    where: {
      type: "and",
      conditions: [
        {
          type: "compare",
          column: property("total"),
          operator: ">=",
          operand: { type: "literal", value: 150 },
        },
        { type: "not", condition: compare("paid", "=", true) },
      ],
    },
    groupBy: [["status"], ["customer", "name"]],
    having: { type: "compare", column: count, operator: ">", operand: { type: "parameter", name: "least" } },
    sortBy: [{ column: sum, direction: "descending" }, {
      column: property("status"),
      direction: "ascending",
    }],
    limit: 10,
    page: 2,
    matchCase: true,
  });
});

Deno.test("parseFilter() binds not before and, and before or, and parentheses before all", () => {
  const [a, b, c] = [compare("a", "=", 1), compare("b", ">", 2), compare("c", "<=", 3)];
  const cases: readonly [string, Condition][] = [
    ["a=1 or b>2 and c<=3", { type: "or", conditions: [a, { type: "and", conditions: [b, c] }] }],
    ["(a=1 or b>2) and c<=3", { type: "and", conditions: [{ type: "or", conditions: [a, b] }, c] }],
    ["not a=1 and b>2", { type: "and", conditions: [{ type: "not", condition: a }, b] }],
    ["not (a=1 and b>2)", { type: "not", condition: { type: "and", conditions: [a, b] } }],
    ["a=1 and b>2 and c<=3", { type: "and", conditions: [a, b, c] }],
  ];
  for (const [text, where] of cases) assert.deepEqual(parseFilter(text), { where, matchCase: false }, text);
});

Deno.test("parseFilter() tells numbers, names of values, texts, patterns and parameters apart", () => {
  const cases: readonly [string, unknown][] = [
    ["12", { type: "literal", value: 12 }],
    ["-0", { type: "literal", value: 0 }],
    ["012", { type: "literal", value: "012" }],
    ["'12'", { type: "literal", value: "12" }],
    ["2026-01-31", { type: "literal", value: "2026-01-31" }],
    ["10.0.0.1", { type: "literal", value: "10.0.0.1" }],
    ["False", { type: "literal", value: false }],
    ["'false'", { type: "literal", value: "false" }],
    ["null", { type: "literal", value: null }],
    ["''", { type: "literal", value: "" }],
    [`"it's"`, { type: "literal", value: "it's" }],
    ["'it''s \\'so\\' \\\\ 5\\* \n'", { type: "literal", value: "it's 'so' \\ 5* \n" }],
    ["*", { type: "pattern", parts: ["", ""] }],
    ["J*n", { type: "pattern", parts: ["J", "n"] }],
    ["'J* \\* *'", { type: "pattern", parts: ["J", " * ", ""] }],
    [":name_1", { type: "parameter", name: "name_1" }],
  ];
  for (const [text, operand] of cases) {
    const { where } = parseFilter(`a = ${text}`);
    assert.ok(where?.type === "compare");
    assert.deepEqual(where.operand, operand, text);
  }
});

Deno.test("parseQuery() says the column of what is wrong, and what would be right", () => {
  const cases: readonly [text: string, column: number, expected: RegExp][] = [
    ["", 1, /^select$/],
    ["delete from orders", 1, /^select$/],
    ["select from orders", 8, /^a property;/],
    ["select * orders", 10, /^from$/],
    ["select * from", 14, /name of a collection/],
    ["select * from o limt 10", 17, /^where, group-by, .* or the end$/],
    ["select * from o where", 22, /^a property/],
    ["select * from o where a", 24, /^= != </],
    ["select * from o where a ==1", 26, /^a value$/],
    ["select * from o where a = hello world", 33, /^and, or, group-by/],
    ["select * from o where a = limit", 27, /between quotes/],
    ["select * from o where (a = 1", 29, /^and, or or \)$/],
    ["select * from o where a not = 1", 29, /^in$/],
    ["select * from o where a in 1", 28, /^\[, as in/],
    ["select * from o where a in [1, 2", 33, /^, or \]$/],
    ["select * from o where a in [1, ]", 32, /^a value$/],
    ["select * from o where a < 'J*'", 27, /^a value without wildcards$/],
    ["select * from o where a = 'x", 27, /^'$/],
    ["select * from o where a = '\\x'", 28, /after it$/],
    ["select * from o where a = 1e999", 27, /not so large$/],
    ["select * from o where a = : b", 27, /the name of a parameter/],
    ["select * from o where count(*) > 1", 23, /having compares aggregates/],
    ["select * from o where a; drop = 1", 24, /between quotes$/],
    ["select a..b from o", 8, /^a property;/],
    ["select 'a\"b' from o", 8, /without quotation marks/],
    ["select a, a from o", 11, /^each once$/],
    ["select median(a) from o", 8, /count, sum, avg/],
    ["select sum(*) from o", 12, /^a property/],
    ["select a, count(*) from o", 8, /a column of group-by or an aggregate/],
    ["select * from o group-by a", 1, /columns of group-by/],
    ["select a from o group-by a having b = 1", 35, /a column of group-by/],
    ["select a from o group-by a sort-by b", 36, /a column of group-by/],
    ["select * from o limit 0", 23, /whole number from 1/],
    ["select * from o limit 1.5", 23, /whole number from 1/],
    ["select * from o page 2", 17, /^where, /],
    ["select * from o limit 100000 page 100000", 1, /limit times page/],
    ["select * from o match-case where a = 1", 28, /^the end$/],
  ];
  for (const [text, column, expected] of cases) {
    assert.throws(() => parseQuery(text), (error) => {
      assert.ok(error instanceof QueryError, `${text}: ${error}`);
      assert.match(error.expected, expected, text);
      assert.equal(error.column, column, `${text}: ${error.message}`);
      assert.equal(error.message.split("\n").length, 1);
      return true;
    });
  }
});

Deno.test("QueryError shows the place with a caret, and nothing that a terminal would obey", () => {
  const text = `select * from orders where ${"a = 1 and ".repeat(9)}b = \x1b[31m and c = 1`;
  assert.throws(() => parseQuery(text), (error) => {
    assert.ok(error instanceof QueryError);
    const [line = "", caret = ""] = error.view.split("\n");
    assert.ok(!`${error.view}${error.message}`.includes("\x1b"));
    assert.equal(caret.indexOf("^"), line.indexOf("[31m") - 1);
    return true;
  });
});

Deno.test("parseQuery() bounds length, depth, comparisons, lists, names and wildcards", () => {
  const cases: readonly [string, string, string][] = [
    ["length", "a = 1".padEnd(MAX_QUERY_LENGTH), "a = 1".padEnd(MAX_QUERY_LENGTH + 1)],
    ...["(", "not "].map((open): [string, string, string] => {
      const nested = (depth: number) => `${open.repeat(depth)}a=1${open === "(" ? ")".repeat(depth) : ""}`;
      return [`depth of ${open}`, nested(MAX_CONDITION_DEPTH), nested(MAX_CONDITION_DEPTH + 1)];
    }),
    ["comparisons", join(MAX_CONDITIONS, "a=1", " or "), join(MAX_CONDITIONS + 1, "a=1", " or ")],
    ["list", `a in [${join(MAX_LIST_LENGTH, "1", ",")}]`, `a in [${join(MAX_LIST_LENGTH + 1, "1", ",")}]`],
    ["values", join(4, list(1_000), " or "), join(5, list(1_000), " or ")],
    ["path", `${join(16, "a", ".")} = 1`, `${join(17, "a", ".")} = 1`],
    ["name", `${"a".repeat(256)} = 1`, `${"a".repeat(257)} = 1`],
    ["wildcards", "a = x*x*x*x*x*x*x*x*", "a = x*x*x*x*x*x*x*x**"],
  ];
  for (const [name, most, more] of cases) {
    parseFilter(most);
    assert.throws(() => parseFilter(more), QueryError, name);
  }
});

function join(count: number, part: string, separator: string): string {
  return Array<string>(count).fill(part).join(separator);
}

function list(count: number): string {
  return `a in [${join(count, "1", ",")}]`;
}

Deno.test("parseQuery() throws nothing but QueryError, whatever the text", () => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...KEYWORDS) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "a",
        "b.c",
        "count(",
        "sum(x)",
        "*",
        "1",
        "'x*'",
        ":p",
        "null",
        "[",
        "]",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        ">=",
        ".",
        "\\",
        "'",
        '"',
        "\0",
        "\ud800",
      ),
    },
    fc.string({ unit: "binary" }),
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(" ")),
    fc.array(piece, { maxLength: 30 }).map((pieces) => `select * from o where ${pieces.join("")}`),
    fc.string({ unit: "binary", maxLength: 200 }),
  );
  fc.assert(
    fc.property(text, (text) => {
      for (const parse of [parseQuery, parseFilter]) {
        try {
          parse(text);
        } catch (error) {
          if (!(error instanceof QueryError)) throw error;
          assert.ok(error.column >= 1 && error.column <= text.length + 1);
        }
      }
    }),
    { numRuns: IS_THOROUGH ? 200_000 : 1_000 },
  );
});

Deno.test("parseQuery() takes the longest texts of every kind within a fraction of a second", () => {
  for (
    const unit of [
      "(",
      ")",
      "not ",
      "a.",
      "'a'.",
      "a,",
      "'",
      "''",
      "'*",
      "\\",
      "*",
      " ",
      "a=1 and ",
      "a in[1,",
      ":p",
      "-1e",
      "é",
      "<",
    ]
  ) {
    for (const start of ["", "select ", "select * from o where ", "select * from o where a = '"]) {
      const text = (start + unit.repeat(MAX_QUERY_LENGTH)).slice(0, MAX_QUERY_LENGTH);
      const began = performance.now();
      try {
        parseQuery(text);
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
      }
      const tookMs = performance.now() - began;
      assert.ok(tookMs < 500, `${JSON.stringify(start + unit)} took ${tookMs} ms`);
    }
  }
});
