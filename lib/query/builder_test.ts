import assert from "node:assert/strict";
import {
  from,
  matches,
  parameter,
  parseFilter,
  parseQuery,
  pattern,
  type Query,
  type QueryBuilder,
  QueryError,
} from "./mod.ts";

interface Order {
  readonly id: number;
  readonly status: "open" | "paid";
  readonly total: number | null;
  readonly customer: { readonly name: string; readonly city?: string };
  readonly tags: readonly string[];
  readonly isPaid?: boolean;
}

Deno.test("the builder makes what the parser reads", () => {
  const orders = from<Order>("orders");
  const cases: readonly [Query, string][] = [
    [orders.toQuery(), "select * from orders"],
    [
      orders.select("id", "customer.name").where("total", ">", 100).where("status", "in", ["open", "paid"])
        .sortBy("total", "descending").sortBy("id").limit(10, 2).matchCase().toQuery(),
      "select id, customer.name from orders where total > 100 and status in [open, paid] " +
      "sort-by total descending, id limit 10 page 2 match-case",
    ],
    [
      orders.where((is) =>
        is.or(is("customer.name", "=", pattern("J*")), is.not(is("id", "in", parameter("ids"))))
      )
        .where("isPaid", "!=", true).toQuery(),
      "select * from orders where (customer.name = J* or not id in :ids) and isPaid != true",
    ],
    [
      orders.select("status", "count(*)", "sum(total)").groupBy("status").having("count(*)", ">", 1)
        .sortBy("sum(total)").toQuery(),
      "select status, count(*), sum(total) from orders group-by status having count(*) > 1 sort-by sum(total)",
    ],
  ];
  for (const [built, text] of cases) assert.deepEqual({ ...built }, parseQuery(text), text);
  const filter = orders.where("customer.name", "=", "J*").toFilter();
  assert.deepEqual(filter, parseFilter("customer.name = 'J\\*'"));
  assert.ok(!matches(filter, { customer: { name: "Jane" } }), "a text has no wildcards");
});

Deno.test("the builder refuses what breaks a bound or a rule", () => {
  const orders = from<Order>("orders");
  assert.throws(() => orders.select("id", "count(*)").toQuery(), QueryError);
  assert.throws(() => orders.limit(0).toQuery(), QueryError);
  assert.throws(() => orders.limit(2_000_000).toQuery(), QueryError);
  assert.throws(() => orders.where("id", "=", NaN).toQuery(), QueryError);
  assert.throws(() => from<Order>('a"b').toQuery(), QueryError);
  assert.throws(() => parameter("a b"), TypeError);
  assert.throws(() => pattern("a"), TypeError);
});

/** What a builder's query answers for a row. */
type Answer<Builder> = Builder extends QueryBuilder<Order, infer Result> ? Result : never;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

Deno.test("the compiler knows properties, values and answers", () => {
  const orders = from<Order>("orders");
  const selected = orders.select("id", "customer.city", "isPaid", "count(*)", "max(total)");
  const isKnown: Same<
    Answer<typeof selected>,
    {
      id: number;
      "customer.city": string | null;
      isPaid: boolean | null;
      "count(*)": number;
      "max(total)": number | null;
    }
  > = true;
  assert.ok(isKnown);
  // @ts-expect-error -- there is no such property
  orders.where("stats", "=", "open");
  // @ts-expect-error -- there is no such property below
  orders.where("customer.nam", "=", "x");
  // @ts-expect-error -- a total is a number
  orders.where("total", ">", "100");
  // @ts-expect-error -- there is no such status
  orders.where("status", "=", "opened");
  // @ts-expect-error -- a list takes the property's values
  orders.where("status", "in", ["open", 1]);
  // @ts-expect-error -- a pattern matches texts
  orders.where("id", "=", pattern("1*"));
  // @ts-expect-error -- an object is compared with nothing but null
  orders.where("customer", "=", "x");
  // @ts-expect-error -- there is no such property
  orders.select("sum(totl)");
  // @ts-expect-error -- there is no such property
  orders.sortBy("totl");
  // @ts-expect-error -- a count is a number
  orders.having("count(*)", ">", "1");
  // @ts-expect-error -- there is no such property
  orders.where((is) => is("stats", "=", "open"));
});
