import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileFilter,
  decodePartial,
  evaluate,
  type JsonValue,
  matches,
  MAX_GROUPS,
  merge,
  parseFilter,
  parseQuery,
  partial,
  QueryError,
  type QueryParameters,
  type QueryRow,
} from "./mod.ts";
import { anyParameters, anyQuery, anyRows } from "./testing/arbitrary_query.ts";

const ORDERS = [
  { id: 1, status: "open", total: 120, customer: { name: "Jane" } },
  { id: 2, status: "Paid", total: 80, customer: { name: "John" }, paid: true },
  { id: 3, status: "open", total: 300, customer: { name: "Émile" } },
  { id: 4, status: "void", total: null, paid: false, tags: ["x"] },
];
const ROWS = ORDERS.map((value): QueryRow => ({ key: `k${value.id}`, value }));

function ids(where: string, parameters: QueryParameters = {}): string {
  return ORDERS.filter((order) => matches(parseFilter(where), order, parameters)).map(({ id }) => id).join(
    "",
  );
}

function answer(text: string, parameters: QueryParameters = {}): JsonValue[] {
  return evaluate(parseQuery(text), ROWS, parameters);
}

Deno.test("matches() compares each type with its own", () => {
  const cases: readonly [where: string, ids: string, parameters?: QueryParameters][] = [
    ["status = OPEN", "13"],
    ["status = OPEN match-case", ""],
    ["status = O*n", "13"],
    ["status = o*e*n*", "13"],
    ["status = op*pen", ""],
    ["status != open", "24"],
    ["status > open", "24"],
    ["status > open match-case", "4"],
    ["status = *", "1234"],
    ["total = *", ""],
    ["total > 100", "13"],
    ["not total > 100", "24"],
    ["total < 100 or total = null", "24"],
    ["total >= '100'", ""],
    ["total = '120'", ""],
    ["paid = false", "4"],
    ["paid != true", "134"],
    ["paid > false", "2"],
    ["paid = null", "13"],
    ["paid >= null", ""],
    ["customer.name = É*", "3"],
    ["customer.name = é*", ""],
    ["customer = null", "4"],
    ["customer = *", ""],
    ["tags.length = 1", ""],
    ["tags.'0' = x", ""],
    ["constructor.name != null", ""],
    ["status in [paid, 'v*', 7]", "24"],
    ["status not in (paid, open)", "4"],
    ["status in []", ""],
    ["total in [80, null]", "24"],
    ["status = :status", "13", { status: "open" }],
    ["status = :status", "", { status: "o*" }],
    ["total in :totals", "24", { totals: [null, 80] }],
  ];
  for (const [where, want, parameters] of cases) assert.equal(ids(where, parameters), want, where);
});

Deno.test("compileFilter() refuses parameters that are missing or not of their kind", () => {
  const cases: readonly [QueryParameters, RegExp][] = [
    [{}, /^:p has no value/],
    [{ p: [1] }, /^:p is a list/],
    [{ p: NaN }, /^:p cannot be compared with, expected a finite number/],
    [{ p: "a\0" }, /well-formed text/],
    [JSON.parse(`{"p":{}}`), /^:p cannot be compared with/],
  ];
  for (const [parameters, message] of cases) {
    assert.throws(
      () => compileFilter(parseFilter("a = :p"), parameters),
      (error) => error instanceof QueryError && message.test(error.message),
    );
  }
  const list = parseFilter("a in :list");
  assert.throws(() => compileFilter(list, { list: 1 }), /no list/);
  assert.throws(() => compileFilter(list, { list: Array<number>(1_001).fill(1) }), /at most 1000/);
  assert.throws(() => compileFilter(parseFilter("a = :toString"), {}), /has no value/);
});

Deno.test("evaluate() selects, sorts over all types, and pages", () => {
  assert.deepEqual(
    answer("select id, customer.name from orders where total > 100 sort-by total descending"),
    [
      { id: 3, "customer.name": "Émile" },
      { id: 1, "customer.name": "Jane" },
    ],
  );
  assert.deepEqual(
    answer("select id from orders sort-by status, id descending"),
    [3, 1, 2, 4].map((id) => ({ id })),
  );
  assert.deepEqual(
    answer("select id from orders sort-by status match-case"),
    [2, 1, 3, 4].map((id) => ({ id })),
  );
  assert.deepEqual(answer("select id from orders limit 3 page 2"), [{ id: 4 }]);
  assert.deepEqual(answer("select id from orders limit 3 page 3"), []);
  assert.deepEqual(answer("select * from orders where id = 2"), [ORDERS[1]]);
  const mixed: JsonValue[] = [{}, true, "b", false, "B", "\u{1f600}", "\ufb01", 2, -1, null];
  const rows = mixed.map((a, i) => ({ key: `${9 - i}`, value: { a } }));
  const sorted = evaluate(parseQuery("select a from o sort-by a"), rows).map((row) =>
    (row as { a: JsonValue }).a
  );
  assert.deepEqual(sorted, [null, -1, 2, "B", "b", "\ufb01", "\u{1f600}", false, true, {}]);
});

Deno.test("evaluate() groups, aggregates and filters groups", () => {
  assert.deepEqual(
    answer(
      "select status, count(*), count(total), sum(total), avg(total), min(total), max(id) from orders group-by status",
    ),
    [
      {
        status: "Paid",
        "count(*)": 1,
        "count(total)": 1,
        "sum(total)": 80,
        "avg(total)": 80,
        "min(total)": 80,
        "max(id)": 2,
      },
      {
        status: "open",
        "count(*)": 2,
        "count(total)": 2,
        "sum(total)": 420,
        "avg(total)": 210,
        "min(total)": 120,
        "max(id)": 3,
      },
      {
        status: "void",
        "count(*)": 1,
        "count(total)": 0,
        "sum(total)": 0,
        "avg(total)": null,
        "min(total)": null,
        "max(id)": 4,
      },
    ],
  );
  assert.deepEqual(answer("select status from orders group-by status having count(*) > 1"), [{
    status: "open",
  }]);
  assert.deepEqual(answer("select count(*) from orders where id > 100"), [{ "count(*)": 0 }]);
  assert.deepEqual(answer("select status from orders where id > 100 group-by status"), []);
  assert.deepEqual(
    answer("select status from orders group-by status sort-by sum(total) descending limit 1"),
    [
      { status: "open" },
    ],
  );
  const huge = [1.7e308, 1.7e308].map((a, i) => ({ key: `${i}`, value: { a } }));
  assert.deepEqual(evaluate(parseQuery("select sum(a), avg(a) from o"), huge), [{
    "sum(a)": null,
    "avg(a)": null,
  }]);
  const tenths = Array.from({ length: 1_000 }, (_, i) => ({ key: `${i}`, value: { a: 0.1 } }));
  assert.deepEqual(evaluate(parseQuery("select sum(a) from o"), tenths), [{ "sum(a)": 100 }]);
});

Deno.test("evaluate() stops at too many groups", () => {
  const query = parseQuery("select a from o group-by a");
  function* rows(count: number): Generator<QueryRow> {
    for (let a = 0; a < count; a++) yield { key: `${a}`, value: { a } };
  }
  assert.equal(evaluate(query, rows(MAX_GROUPS)).length, MAX_GROUPS);
  assert.throws(() => evaluate(query, rows(MAX_GROUPS + 1)), QueryError);
});

Deno.test("merge() of any shards answers what all rows together answer, in whatever order they come", () => {
  fc.assert(
    fc.property(
      anyQuery(),
      anyRows(20),
      anyParameters(),
      fc.infiniteStream(fc.nat(2)),
      (query, rows, parameters, draw) => {
        // What is added in another order may differ in its last place.
        const whole: QueryRow[] = JSON.parse(
          JSON.stringify(rows),
          (_, value) => typeof value === "number" ? Math.trunc(value % 2 ** 30) + 0 : value,
        );
        const shards = Map.groupBy(whole, () => draw.next().value);
        const partials = [...shards.values()].map((rows) => {
          const decoded = decodePartial(
            query,
            JSON.parse(JSON.stringify(partial(query, rows.toReversed(), parameters))),
          );
          assert.ok(decoded);
          return decoded;
        });
        assert.deepEqual(merge(query, partials, parameters), evaluate(query, whole, parameters));
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("decodePartial() refuses what does not answer the query", () => {
  const rows = parseQuery("select * from o sort-by a limit 2");
  const row = { key: "k", sort: [1], value: {} };
  assert.ok(decodePartial(rows, { type: "rows", rows: [row, row] }));
  for (
    const wrong of [
      null,
      [],
      { type: "groups", groups: [] },
      { type: "rows" },
      { type: "rows", rows: [row, row, row] },
      { type: "rows", rows: [{ ...row, key: 1 }] },
      { type: "rows", rows: [{ ...row, sort: [] }] },
      { type: "rows", rows: [{ ...row, sort: [[]] }] },
      { type: "rows", rows: [{ key: "k", sort: [1] }] },
    ]
  ) assert.equal(decodePartial(rows, wrong), undefined, JSON.stringify(wrong));
  const groups = parseQuery("select a, sum(b) from o group-by a");
  const sum = { count: 1, sum: 2, extreme: null };
  assert.ok(decodePartial(groups, { type: "groups", groups: [{ group: [{}], aggregates: [sum] }] }));
  for (
    const wrong of [
      { group: [], aggregates: [sum] },
      { group: [1], aggregates: [] },
      { group: [1], aggregates: [{ ...sum, count: -1 }] },
      { group: [1], aggregates: [{ ...sum, count: 0.5 }] },
      { group: [1], aggregates: [{ ...sum, sum: "2" }] },
      { group: [1], aggregates: [{ ...sum, extreme: [] }] },
      { group: [{ a: 1 }], aggregates: [sum] },
    ]
  ) {
    assert.equal(
      decodePartial(groups, { type: "groups", groups: [wrong] }),
      undefined,
      JSON.stringify(wrong),
    );
  }
});
