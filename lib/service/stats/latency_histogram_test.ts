import assert from "node:assert/strict";
import { LATENCY_BOUNDS_SECONDS, LatencyHistogram } from "./latency_histogram.ts";

Deno.test("LatencyHistogram counts since the start, each time in the first bucket that has room for it", () => {
  const histogram = new LatencyHistogram(0);
  // The bounds themselves belong to their buckets, as Prometheus' `le` says.
  for (const tookMs of [0, 0.1, 0.2, 1, 9_999, 10_000, 60_000]) histogram.record(1, tookMs);
  const { buckets, count, sumSeconds } = histogram.snapshot();
  const within = (seconds: number) => buckets[LATENCY_BOUNDS_SECONDS.indexOf(seconds)];
  assert.deepEqual([within(0.000_1), within(0.000_25), within(0.001), within(10)], [2, 1, 1, 2]);
  assert.deepEqual([buckets.at(-1), buckets.length, count], [1, LATENCY_BOUNDS_SECONDS.length + 1, 7]);
  assert.ok(Math.abs(sumSeconds - 80.000_3) < 1e-9, String(sumSeconds));
});

Deno.test("LatencyHistogram forgets of the last minute what is older, and nothing of the whole", () => {
  const histogram = new LatencyHistogram(0);
  for (let now = 0; now < 600_000; now += 100) {
    histogram.record(now, 3);
    if (now % 7_000 === 0) histogram.recent(now);
  }
  const { rate, p50Ms, p99Ms } = histogram.recent(600_000);
  assert.ok(rate > 9.9 && rate < 10.1, String(rate));
  assert.ok(p50Ms !== null && p50Ms > 2.5 && p50Ms < 5 && p99Ms !== null && p99Ms <= 5, `${p50Ms} ${p99Ms}`);
  assert.equal(histogram.snapshot().count, 6_000);
  const idle = { rate: 0, errorRate: 0, p50Ms: null, p99Ms: null };
  assert.deepEqual(histogram.recent(660_001), idle);
  assert.equal(histogram.snapshot().count, 6_000);
  // After a day of rest the first call is the only one of the last minute.
  histogram.record(86_400_000, 40);
  assert.ok(Math.abs(histogram.recent(86_400_000).rate - 1 / 30) < 1e-9);
  assert.equal(histogram.snapshot().count, 6_001);
});

Deno.test("LatencyHistogram tells failures of the last minute from those before", () => {
  const histogram = new LatencyHistogram(0);
  for (let now = 0; now < 60_000; now += 100) histogram.record(now, 3);
  assert.equal(histogram.recent(59_999).errorRate, 0);
  for (let now = 60_000; now < 90_000; now += 100) histogram.record(now, 3, true);
  const { rate, errorRate } = histogram.recent(90_000);
  assert.ok(rate > 9.9 && rate < 10.1 && errorRate > 9.9 && errorRate < 10.1, `${rate} ${errorRate}`);
  for (let now = 90_000; now < 180_000; now += 100) histogram.record(now, 3);
  assert.equal(histogram.recent(180_000).errorRate, 0);
});

Deno.test("LatencyHistogram estimates quantiles as histogram_quantile does", () => {
  const histogram = new LatencyHistogram(0);
  for (let i = 0; i < 90; i++) histogram.record(0, 0.9);
  for (let i = 0; i < 10; i++) histogram.record(0, 80);
  const { p50Ms, p99Ms } = histogram.recent(0);
  assert.ok(p50Ms !== null && Math.abs(p50Ms - (0.5 + 0.5 * 50 / 90)) < 1e-9, String(p50Ms));
  assert.equal(p99Ms, 50 + 50 * 9 / 10);
  const slow = new LatencyHistogram(0);
  slow.record(0, 1e6);
  assert.equal(slow.recent(0).p99Ms, 10_000);
});
