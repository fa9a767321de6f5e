import assert from "node:assert/strict";
import { compareOnce, type ComparisonCounts } from "../testing/mod.ts";

const first = Number(Deno.env.get("WEFT_FUZZ_SEED") ?? Date.now() % 2 ** 31);
const runs = Number(Deno.env.get("WEFT_FUZZ_RUNS") ?? 80);
const ATTEMPTS = 200;

Deno.test(`the evaluator decides as the oracle does, over ${runs} random documents from seed ${first}`, () => {
  const counts: ComparisonCounts = { asked: 0, allowed: 0, byRule: 0, redirected: 0, shaped: 0 };
  for (let seed = first; seed < first + runs; seed++) compareOnce(seed, ATTEMPTS, counts);
  // What tests nothing would agree with anything.
  assert.ok(counts.asked >= runs * ATTEMPTS * 0.6, JSON.stringify(counts));
  assert.ok(
    counts.allowed > counts.asked / 20 && counts.allowed < counts.asked * 19 / 20,
    JSON.stringify(counts),
  );
  assert.ok(
    counts.byRule > counts.asked / 20 && counts.redirected > 0,
    JSON.stringify(counts),
  );
  assert.ok(counts.shaped > 0, JSON.stringify(counts));
});
