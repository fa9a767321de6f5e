import assert from "node:assert/strict";
import { healthScore } from "./health_score.ts";

const good = { healthy: true, loss: 0, lastPingMs: 1, failureCount: 0 };

const CASES: readonly (readonly [string, Parameters<typeof healthScore>[0], number])[] = [
  ["a near peer without loss", good, 100],
  ["an unhealthy one, however well it did", { ...good, healthy: false }, 0],
  ["50 ms are still fast", { ...good, lastPingMs: 50 }, 100],
  ["500 ms are slow", { ...good, lastPingMs: 500 }, 70],
  ["slower than slow costs no more", { ...good, lastPingMs: 5_000 }, 70],
  ["a tenth lost", { ...good, loss: 0.1 }, 94],
  ["the last probe missed", { ...good, failureCount: 1, loss: 0.05 }, 87],
  ["all lost, slow and missing is not yet unhealthy", {
    healthy: true,
    loss: 1,
    lastPingMs: 900,
    failureCount: 3,
  }, 1],
  ["only handshakes speak for it", { ...good, lastPingMs: undefined }, 70],
];

for (const [name, facts, score] of CASES) {
  Deno.test(`healthScore() of ${name} is ${score}`, () => assert.equal(healthScore(facts), score));
}
