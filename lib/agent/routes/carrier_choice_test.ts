import assert from "node:assert/strict";
import { millis } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { BETTER_FOR_MS, type Candidate, CarrierChoice } from "./carrier_choice.ts";

const A = "a".repeat(32) as NodeId;
const B = "b".repeat(32) as NodeId;

Deno.test("CarrierChoice leaves who does not answer at once, and goes back when it has answered for a while", () => {
  const choice = new CarrierChoice();
  const at = (ms: number, a: boolean, b: boolean) => choice.choose(millis(ms), "n", [of(A, a), of(B, b)]);
  assert.equal(at(0, true, true), A);
  assert.equal(at(1_000, false, true), B);
  assert.equal(at(2_000, true, true), B);
  assert.equal(at(2_000 + BETTER_FOR_MS - 1, true, true), B);
  assert.equal(at(2_000 + BETTER_FOR_MS, true, true), A);
});

Deno.test("CarrierChoice begins the wait anew for one that was away in between", () => {
  const choice = new CarrierChoice();
  const at = (ms: number, a: boolean) => choice.choose(millis(ms), "n", [of(A, a), of(B, true)]);
  at(0, false);
  assert.equal(at(1_000, true), B);
  assert.equal(at(9_000, false), B);
  assert.equal(at(12_000, true), B);
  assert.equal(at(12_000 + BETTER_FOR_MS, true), A);
});

Deno.test("CarrierChoice prefers a clearly better score, not a slightly better one", () => {
  const choose = (a: number, b: number) =>
    new CarrierChoice().choose(millis(0), "n", [of(A, true, a), of(B, true, b)]);
  assert.equal(choose(80, 100), A);
  assert.equal(choose(60, 100), B);
});

Deno.test("CarrierChoice keeps one that does not answer when nobody does, and nobody when there is nobody", () => {
  const choice = new CarrierChoice();
  assert.equal(choice.choose(millis(0), "n", [of(A, false), of(B, false)]), A);
  assert.equal(choice.choose(millis(1), "n", []), undefined);
});

function of(nodeId: NodeId, healthy: boolean, score = 100): Candidate {
  return { nodeId, healthy, score: healthy ? score : 0 };
}
