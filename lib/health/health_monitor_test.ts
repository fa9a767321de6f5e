import assert from "node:assert/strict";
import { millis, SeededRandom } from "../base/mod.ts";
import { HealthMonitor } from "./health_monitor.ts";
import type { ProbeAnswer } from "./peer_health.ts";

const TIMEOUT_MS = 5_000;
const answer: ProbeAnswer = { rttMs: 20, path: "direct" };

/** A monitor whose peers answer after 20 ms while they are up, on a clock that moves by 10 ms. */
class Fixture {
  readonly monitor = new HealthMonitor(new SeededRandom(5));
  readonly up = new Map<string, boolean>();
  readonly events: { readonly at: number; readonly id: string; readonly healthy: boolean }[] = [];
  readonly sent: { readonly at: number; readonly id: string }[] = [];
  now = 0;
  readonly #ending: { readonly at: number; readonly sentAt: number; readonly id: string }[] = [];

  add(...ids: readonly string[]): void {
    for (const id of ids) this.up.set(id, true);
    const targets = new Map([...this.up.keys()].map((id) => [id, { isProbed: !id.startsWith("phone") }]));
    this.monitor.setTargets(millis(this.now), targets);
  }

  run(forMs: number): void {
    for (const end = this.now + forMs; this.now < end; this.now += 10) this.#step();
  }

  #step(): void {
    const now = millis(this.now);
    for (const { at, id, sentAt } of this.#ending.filter(({ at }) => at === this.now)) {
      this.monitor.handleProbe(now, id, millis(sentAt), at - sentAt < TIMEOUT_MS ? answer : undefined);
    }
    this.monitor.handleTimeout(now);
    for (let id = this.monitor.pollProbe(); id !== undefined; id = this.monitor.pollProbe()) {
      this.monitor.handleSent(now, id);
      this.sent.push({ at: this.now, id });
      this.#ending.push({ at: this.now + (this.up.get(id) ? 20 : TIMEOUT_MS), sentAt: this.now, id });
    }
    for (let event = this.monitor.pollEvent(); event !== undefined; event = this.monitor.pollEvent()) {
      this.events.push({ at: this.now, id: event.id, healthy: event.figures.healthy });
    }
  }
}

Deno.test("HealthMonitor.pollEvent() gives each peer once on first sight, and nothing while nothing changes", () => {
  const world = new Fixture();
  world.add("a", "b");
  world.run(120_000);
  assert.deepEqual(world.events, [{ at: 20, id: "a", healthy: true }, { at: 20, id: "b", healthy: true }]);
});

Deno.test("HealthMonitor asks a peer that answers every 9 to 10 s", () => {
  const world = new Fixture();
  world.add("a");
  world.run(100_000);
  const gaps = world.sent.slice(1).map(({ at }, i) => at - (world.sent[i]?.at ?? 0));
  assert(gaps.length >= 9);
  for (const gap of gaps) assert(gap >= 9_000 && gap <= 10_030, gaps.join(" "));
});

Deno.test("HealthMonitor notices within 21 s that a peer fell silent, whenever that was, and that it is back", () => {
  for (const fellSilentAt of [10, 3_330, 9_000, 9_990, 14_000]) {
    const world = new Fixture();
    world.add("a");
    world.run(40_000 + fellSilentAt);
    world.up.set("a", false);
    world.run(21_000);
    assert.equal(world.events.at(-1)?.healthy, false, `silent after ${fellSilentAt} ms`);
    world.up.set("a", true);
    world.run(30_050);
    assert.equal(world.events.at(-1)?.healthy, true);
    assert.equal(world.events.length, 3);
  }
});

Deno.test("HealthMonitor.handleHint() needs no more than two probes for a verdict", () => {
  const world = new Fixture();
  world.add("a");
  world.run(1_000);
  world.up.set("a", false);
  world.run(1_000);
  world.monitor.handleHint(millis(world.now), "a");
  world.run(10_050);
  assert.equal(world.events.at(-1)?.healthy, false);
  world.up.set("a", true);
  world.monitor.handleHint(millis(world.now), "a");
  world.run(50);
  assert.equal(world.events.at(-1)?.healthy, true, "a hint brings it back as fast");
});

Deno.test("HealthMonitor.handleHint() bounds the probes that hints cause", () => {
  const world = new Fixture();
  world.add("a");
  for (let i = 0; i < 1_000; i++) {
    world.monitor.handleHint(millis(world.now), "a");
    world.monitor.handleHint(millis(world.now), "nobody");
    world.run(10);
  }
  assert(world.sent.length <= 11, `${world.sent.length} probes in 10 s`);
});

Deno.test("HealthMonitor spends no more than 16 probes a second on 1,000 peers", () => {
  const world = new Fixture();
  world.add(...Array.from({ length: 1_000 }, (_, i) => `peer-${i}`));
  world.run(500);
  world.sent.length = 0;
  world.run(60_000);
  const perSecond = world.sent.length / 60;
  assert(perSecond > 10 && perSecond < 19, `${perSecond} a second`);
});

Deno.test("HealthMonitor judges a device that cannot be probed by its handshakes", () => {
  const world = new Fixture();
  world.add("phone");
  world.run(1_000);
  assert.deepEqual(world.events.map(({ healthy }) => healthy), [false]);
  world.monitor.handleHandshake("phone", millis(1_000));
  world.run(178_000);
  assert.deepEqual(world.events.map(({ healthy }) => healthy), [false, true]);
  world.run(4_000);
  assert.deepEqual(world.events.map(({ healthy }) => healthy), [false, true, false]);
  assert.equal(world.sent.length, 0);
});

Deno.test("HealthMonitor forgets who is no target any more, with its probe under way", () => {
  const world = new Fixture();
  world.add("a", "b");
  world.run(15);
  world.monitor.setTargets(millis(world.now), new Map([["b", { isProbed: true }]]));
  world.run(1_000);
  assert.deepEqual(world.events.map(({ id }) => id), ["b"]);
  assert.equal(world.monitor.figures(millis(world.now), "a"), undefined);
});

Deno.test("HealthMonitor asks who was away for a day once an hour, and at once when there is a sign of it", () => {
  const monitor = new HealthMonitor(new SeededRandom(6));
  let now = 0;
  monitor.setTargets(millis(now), new Map([["a", { isProbed: true }]]));
  const pass = (forMs: number): number => {
    let probes = 0;
    for (const end = now + forMs; now < end; now += 1_000) {
      monitor.handleTimeout(millis(now));
      for (let id = monitor.pollProbe(); id !== undefined; id = monitor.pollProbe()) {
        probes++;
        monitor.handleSent(millis(now), id);
        monitor.handleProbe(millis(now), id, millis(now), undefined);
      }
    }
    return probes;
  };
  const early = pass(600_000);
  assert(early >= 19 && early <= 24, `${early} in ten minutes`);
  pass(86_400_000);
  const late = pass(10 * 3_600_000);
  assert(late >= 8 && late <= 11, `${late} in ten hours`);
  monitor.handleHint(millis(now), "a");
  assert.equal(pass(2_000), 1);
});

Deno.test("HealthMonitor asks who says something by itself every two minutes, and within its pause when that ends", () => {
  const world = new Fixture();
  world.add("a");
  world.run(1_000);
  world.sent.length = 0;
  const hear = (heardAt: number) =>
    world.monitor.setTargets(
      millis(world.now),
      new Map([["a", { isProbed: true, pauseMs: 20_000, heardAt: millis(heardAt) }]]),
    );
  for (let second = 0; second < 600; second++) {
    hear(world.now - 5);
    world.run(1_000);
  }
  assert(world.sent.length >= 4 && world.sent.length <= 5, `${world.sent.length} in ten minutes`);
  world.up.set("a", false);
  const silentSince = world.now;
  for (let second = 0; second < 31; second++) {
    hear(silentSince - 5);
    world.run(1_000);
  }
  assert.equal(world.events.at(-1)?.healthy, false, "20 + 5 + 5 s");
  const before = world.sent.length;
  hear(world.now);
  world.run(15_000);
  assert.equal(world.events.at(-1)?.healthy, false, "only an answer brings it back");
  world.up.set("a", true);
  world.run(31_000);
  assert.equal(world.events.at(-1)?.healthy, true);
  assert(world.sent.length > before);
});

Deno.test("HealthMonitor does not ask who has said something a moment before it was due", () => {
  const world = new Fixture();
  world.add("a");
  world.run(1_000);
  world.sent.length = 0;
  // Nobody looks before the pause is over.
  world.now += 15_000;
  const heardAt = millis(world.now - 5);
  world.monitor.setTargets(millis(world.now), new Map([["a", { isProbed: true, heardAt }]]));
  world.run(8_000);
  assert.equal(world.sent.length, 0);
  world.run(2_100);
  assert.equal(world.sent.length, 1);
});

Deno.test("HealthMonitor.handleHint() has a peer asked at once, whatever it says by itself", () => {
  const world = new Fixture();
  world.add("a");
  world.run(3_000);
  world.sent.length = 0;
  world.monitor.handleHint(millis(world.now), "a");
  const target = { isProbed: true, pauseMs: 20_000, heardAt: millis(world.now) };
  world.monitor.setTargets(millis(world.now), new Map([["a", target]]));
  world.run(20);
  assert.equal(world.sent.length, 1);
});
