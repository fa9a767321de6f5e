import assert from "node:assert/strict";
import { millis } from "../base/mod.ts";
import { QueryLimiter } from "./query_limiter.ts";

const takes = (limiter: QueryLimiter, atMs: number, source: string, count: number): number =>
  Array.from({ length: count }, () => limiter.take(millis(atMs), source)).filter(Boolean).length;

Deno.test("QueryLimiter.take() allows each source its queries a second", () => {
  const limiter = new QueryLimiter(10);
  assert.equal(takes(limiter, 0, "a", 15), 10);
  assert.equal(takes(limiter, 0, "b", 5), 5);
  assert.equal(takes(limiter, 500, "a", 15), 5);
  assert.equal(takes(limiter, 60_000, "a", 15), 10);
});

Deno.test("QueryLimiter.take() remembers 4,096 sources, and goes on limiting", () => {
  const limiter = new QueryLimiter(1);
  for (let i = 0; i < 10_000; i++) limiter.take(millis(0), `source ${i}`);
  assert.equal(takes(limiter, 0, "late", 3), 1);
});

Deno.test("QueryLimiter.take() without a limit allows all", () => {
  assert.equal(takes(new QueryLimiter(Infinity), 0, "a", 1000), 1000);
});
