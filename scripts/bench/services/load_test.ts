import assert from "node:assert/strict";
import { callInTurn, percentile } from "./load.mjs";

Deno.test("percentile() takes the value below which the share lies", () => {
  const sorted = Float64Array.from({ length: 100 }, (_, i) => i);
  assert.equal(percentile(sorted, 0), 0);
  assert.equal(percentile(sorted, 0.5), 50);
  assert.equal(percentile(sorted, 0.99), 99);
  assert.equal(percentile(sorted, 1), 99);
  assert.ok(Number.isNaN(percentile(new Float64Array(), 0.5)));
});

Deno.test("callInTurn() keeps as many calls under way as told, and counts those that are answered", async () => {
  let [running, most, made] = [0, 0, 0];
  const call = async () => {
    made++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    running--;
  };
  const { completed, p50Ms, p99Ms, elapsedMs } = await callInTurn(call, 3, () => made >= 30);
  assert.equal(most, 3);
  assert.equal(running, 0);
  assert.equal(completed, made);
  assert.ok(p50Ms <= p99Ms && p99Ms <= elapsedMs);
});

Deno.test("callInTurn() fails when a call does", async () => {
  const failing = () => Promise.reject(new Error("no answer"));
  await assert.rejects(callInTurn(failing, 2, () => false), /no answer/);
});
