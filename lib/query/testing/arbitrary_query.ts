/**
 * Random queries and rows: few names and values, so that they meet; and some that are hard on purpose.
 * @module
 */

import fc from "fast-check";
import type {
  AggregateColumn,
  Column,
  Condition,
  JsonValue,
  Operand,
  PropertyColumn,
  Query,
  QueryRow,
  Scalar,
} from "../mod.ts";

const NAMES = ["a", "b", "from", "it's", "c d", "ä*", "length", "__proto__", "x.y"];
const TEXTS = [
  "",
  "a",
  "A",
  "b",
  "ab",
  "aB",
  "abc",
  "a*c",
  "é",
  "É",
  "z",
  "Z",
  "[",
  "`",
  "{",
  "\u{10ffff}",
  "\ufb01",
  "\u{1f600}",
  "?",
  "1",
  "it's",
  "\\",
  "@",
  "~",
];
const NUMBERS = [0, 1, 2, -1, 0.5, 1e21, 9007199254740992, 36028797018963970, 1e-7, 1.5, 100, 1e300, -5e-324];

/** @returns texts with few letters, in which patterns find something */
export function anyText(): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
    {
      weight: 2,
      arbitrary: fc.string({
        unit: fc.constantFrom("a", "b", "A", "*", "?", "[", "]", "\\", "'"),
        maxLength: 6,
      }),
    },
    fc.string({ unit: "binary", maxLength: 5 }).map((text) => text.replaceAll("\0", "0")),
  );
}

/** @returns scalars */
export function anyScalar(): fc.Arbitrary<Scalar> {
  return fc.oneof(
    fc.constantFrom(null, true, false),
    fc.constantFrom(...NUMBERS),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    { weight: 2, arbitrary: anyText() },
  );
}

/** @returns values of rows: mostly objects with the names that queries ask for */
export function anyValue(): fc.Arbitrary<JsonValue> {
  const { value } = fc.letrec<{ value: JsonValue; object: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      { weight: 5, arbitrary: anyScalar() },
      { weight: 1, arbitrary: fc.array(anyScalar(), { maxLength: 2 }) },
      { weight: 2, arbitrary: tie("object") },
    ),
    object: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie("value")), {
      selector: ([name]) => name,
      maxLength: 5,
    }).map((entries) => Object.fromEntries(entries)),
  }));
  return fc.oneof(
    { weight: 1, arbitrary: value },
    {
      weight: 9,
      arbitrary: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), value), {
        selector: ([name]) => name,
        maxLength: 6,
      }).map((entries) => Object.fromEntries(entries)),
    },
  );
}

/** @returns rows with keys of their own */
export function anyRows(maxLength = 12): fc.Arbitrary<QueryRow[]> {
  const key = fc.oneof(fc.constantFrom("k", "K", "é", "\u{1f600}", "\ufb01"), fc.string({ maxLength: 3 }))
    .map((text) => text.replaceAll("\0", "0"));
  return fc.uniqueArray(fc.record({ key, value: anyValue() }), { selector: ({ key }) => key, maxLength });
}

/** @returns properties */
export function anyProperty(): fc.Arbitrary<PropertyColumn> {
  const name = fc.constantFrom(...NAMES);
  return fc.oneof({ weight: 4, arbitrary: fc.tuple(name) }, fc.tuple(name, name)).map((path) => ({
    type: "property",
    path,
  }));
}

/** @returns aggregates */
export function anyAggregate(): fc.Arbitrary<AggregateColumn> {
  return fc.oneof(
    fc.constant<AggregateColumn>({ type: "aggregate", function: "count", path: undefined }),
    fc.record({
      type: fc.constant("aggregate" as const),
      function: fc.constantFrom(
        "count" as const,
        "sum" as const,
        "avg" as const,
        "min" as const,
        "max" as const,
      ),
      path: anyProperty().map(({ path }) => path),
    }),
  );
}

/** @returns patterns */
export function anyPattern(): fc.Arbitrary<Operand> {
  const part = fc.oneof(fc.constantFrom("", "a", "A", "b", "é", "\u{10ffff}", "[", "?", "*", "z"), anyText());
  return fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => ({ type: "pattern", parts }));
}

/** @returns what a column is compared with; parameters among them are named by `PARAMETERS` */
export function anyOperand(): fc.Arbitrary<Operand> {
  return fc.oneof(
    { weight: 4, arbitrary: anyScalar().map((value): Operand => ({ type: "literal", value })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("p", "q_1").map((name): Operand => ({ type: "parameter", name })),
    },
  );
}

/** @returns conditions on the columns that are given */
export function anyCondition(column: fc.Arbitrary<Column>, maxDepth = 3): fc.Arbitrary<Condition> {
  const withPatterns = fc.oneof({ weight: 2, arbitrary: anyOperand() }, anyPattern());
  const test = fc.oneof(
    fc.record<Condition & { type: "compare" }>({
      type: fc.constant("compare"),
      column,
      operator: fc.constantFrom("<", "<=", ">", ">="),
      operand: anyOperand(),
    }),
    fc.record<Condition & { type: "compare" }>({
      type: fc.constant("compare"),
      column,
      operator: fc.constantFrom("=", "!="),
      operand: withPatterns,
    }),
    fc.record<Condition & { type: "in" }>({
      type: fc.constant("in"),
      column,
      isNegated: fc.boolean(),
      list: fc.oneof(
        fc.array(withPatterns, { maxLength: 3 }),
        fc.constant({ type: "parameter" as const, name: "list" }),
      ),
    }),
  );
  const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { maxDepth, withCrossShrink: true },
      { weight: 3, arbitrary: test },
      {
        weight: 2,
        arbitrary: fc.record<Condition & { type: "and" | "or" }>({
          type: fc.constantFrom("and", "or"),
          conditions: fc.array(tie("condition"), { minLength: 2, maxLength: 3 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record<Condition & { type: "not" }>({
          type: fc.constant("not"),
          condition: tie("condition"),
        }),
      },
    ),
  }));
  return condition;
}

/** The parameters that random queries ask for. */
export function anyParameters(): fc.Arbitrary<{ p: Scalar; q_1: Scalar; list: Scalar[] }> {
  return fc.record({ p: anyScalar(), q_1: anyScalar(), list: fc.array(anyScalar(), { maxLength: 4 }) });
}

/** @returns queries that keep the rules */
export function anyQuery(): fc.Arbitrary<Query> {
  return fc.oneof({ weight: 3, arbitrary: anyRowQuery() }, { weight: 2, arbitrary: anyGroupQuery() });
}

function anyRowQuery(): fc.Arbitrary<Query> {
  return fc.record<Query>({
    columns: fc.oneof(fc.constant("*" as const), uniqueColumns(anyProperty(), 1)),
    from: fc.constantFrom("orders", "from", "it's.b", "a b"),
    where: fc.option(anyCondition(anyProperty()), { nil: undefined }),
    groupBy: fc.constant([]),
    having: fc.constant(undefined),
    sortBy: fc.array(fc.record({ column: anyProperty(), direction: anyDirection() }), { maxLength: 3 }),
    ...pageAndCase(),
  }).map(withoutLonePage);
}

function anyGroupQuery(): fc.Arbitrary<Query> {
  return fc.uniqueArray(anyProperty(), { selector: (column) => JSON.stringify(column), maxLength: 2 }).chain(
    (groups) => {
      const column: fc.Arbitrary<Column> = groups.length === 0
        ? anyAggregate()
        : fc.oneof(anyAggregate(), fc.constantFrom(...groups));
      return fc.record<Query>({
        columns: uniqueColumns(column, 1),
        from: fc.constant("orders"),
        where: fc.option(anyCondition(anyProperty(), 2), { nil: undefined }),
        groupBy: fc.constant(groups.map(({ path }) => path)),
        having: fc.option(anyCondition(column, 2), { nil: undefined }),
        sortBy: fc.array(fc.record({ column, direction: anyDirection() }), { maxLength: 2 }),
        ...pageAndCase(),
      }).map(withoutLonePage);
    },
  );
}

function uniqueColumns(column: fc.Arbitrary<Column>, minLength: number): fc.Arbitrary<Column[]> {
  return fc.uniqueArray(column, { selector: (column) => JSON.stringify(column), minLength, maxLength: 3 });
}

function anyDirection(): fc.Arbitrary<"ascending" | "descending"> {
  return fc.constantFrom("ascending", "descending");
}

function pageAndCase() {
  return {
    limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    page: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    matchCase: fc.boolean(),
  };
}

function withoutLonePage(query: Query): Query {
  return query.limit === undefined ? { ...query, page: undefined } : query;
}
