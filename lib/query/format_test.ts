import assert from "node:assert/strict";
import fc from "fast-check";
import { formatFilter, formatQuery, parseFilter, parseQuery } from "./mod.ts";
import { anyCondition, anyProperty, anyQuery } from "./testing/arbitrary_query.ts";

Deno.test("formatQuery() writes what parseQuery() reads as the same query", () => {
  fc.assert(
    fc.property(anyQuery(), (query) => {
      // The copy has the prototype that objects usually have.
      assert.deepEqual(parseQuery(formatQuery(query)), structuredClone(query));
    }),
    { numRuns: 300 },
  );
});

Deno.test("formatFilter() writes what parseFilter() reads as the same filter", () => {
  fc.assert(
    fc.property(anyCondition(anyProperty()), fc.boolean(), (where, matchCase) => {
      assert.deepEqual(
        parseFilter(formatFilter({ where, matchCase })),
        structuredClone({ where, matchCase }),
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("formatQuery() keeps parentheses where they mean something, and only there", () => {
  for (
    const text of [
      "select * from orders",
      "select a.b, 'from'.x from 'group-by' where (a = 1 or b = 2) and not (c = 'x*' and not d = '\\*') match-case",
      "select a, count(*), sum(b.c) from o where a in [1, 'x', null, :p] group-by a having count(*) > 1",
      "select * from o where a = 1 or b = 2 and c not in :list sort-by a descending, b limit 10 page 2",
      "select * from o where a = 1 and (b = 2 and c = 3)",
    ]
  ) assert.equal(formatQuery(parseQuery(text)), text);
});
