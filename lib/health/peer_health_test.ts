import assert from "node:assert/strict";
import { type Millis, millis } from "../base/mod.ts";
import { healthScore, PeerMonitor } from "./peer_health.ts";

const second = (count: number): Millis => millis(count * 1000);
const answer = { rttMs: 4, path: "direct" } as const;

Deno.test("PeerMonitor knows nobody well before there is evidence", () => {
  assert.deepEqual(new PeerMonitor().figures(second(0)), {
    healthy: false,
    path: "none",
    handshakeAgeMs: null,
    lastPingMs: null,
    failureCount: 0,
    lossPercent: null,
    score: 0,
  });
});

Deno.test("PeerMonitor takes a handshake for health until it is 180 s old", () => {
  const watch = new PeerMonitor();
  watch.handleHandshake(second(10));
  assert.equal(watch.figures(millis(189_999)).healthy, true);
  assert.equal(watch.figures(millis(189_999)).handshakeAgeMs, 179_999);
  assert.equal(watch.figures(second(190)).healthy, false);
});

Deno.test("PeerMonitor takes an answer for health without any handshake, and forgets it after 180 s", () => {
  const watch = new PeerMonitor();
  watch.handleAnswer(second(0), { rttMs: 2.5, path: "channel" });
  const figures = watch.figures(second(1));
  assert.equal(figures.healthy, true);
  assert.equal(figures.path, "channel");
  assert.equal(figures.lastPingMs, 2.5);
  assert.equal(watch.figures(second(180)).healthy, false);
});

Deno.test("PeerMonitor counts misses in a row, and two of them overrule a fresh handshake", () => {
  const watch = new PeerMonitor();
  watch.handleHandshake(second(0));
  watch.handleAnswer(second(1), answer);
  watch.handleMiss(second(5));
  assert.deepEqual([watch.failureCount, watch.figures(second(6)).healthy], [1, true]);
  watch.handleMiss(second(10));
  assert.deepEqual([watch.failureCount, watch.figures(second(15)).healthy], [2, false]);
  assert.equal(watch.figures(second(15)).path, "none");
  watch.handleAnswer(second(20), answer);
  assert.deepEqual([watch.failureCount, watch.figures(second(21)).healthy], [0, true]);
});

Deno.test("PeerMonitor judges a peer that never answered by its handshakes alone", () => {
  const watch = new PeerMonitor();
  watch.handleHandshake(second(0));
  for (let i = 0; i < 9; i++) watch.handleMiss(second(i));
  const figures = watch.figures(second(60));
  assert.deepEqual([figures.healthy, figures.failureCount, figures.score], [true, 9, 70]);
});

Deno.test("PeerMonitor trusts a handshake that was completed while probes were missed", () => {
  const watch = new PeerMonitor();
  watch.handleAnswer(second(0), answer);
  watch.handleMiss(second(10));
  watch.handleMiss(second(15));
  watch.handleHandshake(second(9));
  assert.equal(watch.figures(second(21)).healthy, false, "a handshake from before says nothing");
  watch.handleHandshake(second(22));
  assert.equal(watch.figures(second(23)).healthy, true);
  watch.handleMiss(second(30));
  assert.equal(watch.figures(second(36)).healthy, true, "no flapping while handshakes go on");
  watch.handleAnswer(second(40), answer);
  watch.handleMiss(second(50));
  watch.handleMiss(second(55));
  assert.equal(watch.figures(second(61)).healthy, false, "misses count again after an answer");
});

Deno.test("PeerMonitor counts loss over the last 20 probes", () => {
  const watch = new PeerMonitor();
  watch.handleMiss(second(0));
  assert.equal(watch.figures(second(1)).lossPercent, 100);
  for (let i = 0; i < 19; i++) watch.handleAnswer(second(i), answer);
  assert.equal(watch.figures(second(20)).lossPercent, 5);
  watch.handleAnswer(second(20), answer);
  assert.equal(watch.figures(second(21)).lossPercent, 0, "the miss is forgotten");
});

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
  ["only handshakes speak for it", { ...good, lastPingMs: null }, 70],
];

for (const [name, facts, score] of CASES) {
  Deno.test(`healthScore() of ${name} is ${score}`, () => assert.equal(healthScore(facts), score));
}
