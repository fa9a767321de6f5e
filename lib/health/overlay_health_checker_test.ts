import assert from "node:assert/strict";
import { SeededRandom, type UnixMillis, unixMillis, VirtualClock, VirtualTimers } from "../base/mod.ts";
import type { HealthTimes } from "./health_monitor.ts";
import {
  type HealthTarget,
  OverlayHealthChecker,
  type PeerHealth,
  PROBE_TIMEOUT_MS,
} from "./overlay_health_checker.ts";

/** Peers that answer after 30 ms while they are up, seen by one checker. */
class Fixture {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly up = new Map<string, boolean>();
  readonly handshakes = new Map<string, UnixMillis>();
  readonly checker: OverlayHealthChecker;
  probes = 0;
  underWay = 0;
  mostUnderWay = 0;

  constructor(times?: HealthTimes) {
    this.checker = new OverlayHealthChecker({
      clock: this.clock,
      timers: this.timers,
      random: new SeededRandom(3),
      targets: () => [...this.up.keys()].map((name) => this.#target(name)),
      probe: ({ id }, timeoutMs) => {
        this.probes++;
        this.underWay++;
        this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
        const isUp = this.up.get(id) === true;
        return new Promise((resolve) =>
          this.timers.setTimer(isUp ? 30 : timeoutMs, () => {
            this.underWay--;
            resolve(isUp ? { rttMs: 30, path: "direct" } : undefined);
          })
        );
      },
    }, times);
  }

  /** Moves the clock in small steps, so that promises settle in between. */
  async run(forMs: number): Promise<void> {
    for (let passed = 0; passed < forMs; passed += 50) {
      this.timers.advance(Math.min(50, forMs - passed));
      await settle();
    }
  }

  async check(): ReturnType<OverlayHealthChecker["checkAll"]> {
    const report = this.checker.checkAll();
    await this.run(PROBE_TIMEOUT_MS + 1_000);
    return await report;
  }

  #target(name: string): HealthTarget {
    const handshakeAt = this.handshakes.get(name);
    return {
      id: name,
      name,
      publicKey: `key of ${name}`,
      address: "10.200.0.2",
      isProbed: true,
      handshakeAt,
    };
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

Deno.test("OverlayHealthChecker.checkAll() probes everybody and gives totals and each peer's figures", async () => {
  const world = new Fixture();
  world.up.set("a", true).set("b", false);
  world.handshakes.set("a", unixMillis(world.clock.wall() - 12_000));
  const startedAt = world.clock.wall();
  const report = await world.check();
  assert.deepEqual([report.total, report.healthy, report.unhealthy], [2, 1, 1]);
  assert.equal(report.checkedAt, startedAt + PROBE_TIMEOUT_MS);
  assert.deepEqual(report.peers[0], {
    id: "a",
    publicKey: "key of a",
    name: "a",
    address: "10.200.0.2",
    healthy: true,
    path: "direct",
    handshakeAgeMs: 17_000,
    lastPingMs: 30,
    failureCount: 0,
    lossPercent: 0,
    score: 100,
    checkedAt: startedAt + PROBE_TIMEOUT_MS,
  });
  assert.deepEqual([report.peers[1]?.failureCount, report.peers[1]?.lastPingMs], [1, null]);
  assert.equal((await world.check()).peers[1]?.failureCount, 2, "failures in a row are counted");
  world.up.set("b", true);
  assert.equal((await world.check()).peers[1]?.failureCount, 0);
});

Deno.test("OverlayHealthChecker probes as often, and waits as long, as it is told", async () => {
  const world = new Fixture({ keepAliveMs: 20_000, timeoutMs: 1_000 });
  const startedAt = world.clock.wall();
  world.up.set("a", false);
  assert.equal((await world.check()).checkedAt, startedAt + 1_000);
  world.up.set("a", true);
  await world.check();
  const abort = new AbortController();
  const done = world.checker.run(() => {}, abort.signal);
  await world.run(100);
  const before = world.probes;
  await world.run(61_000);
  assert.equal(world.probes - before, 3, "every 18 to 20 s while it answers");
  abort.abort();
  await done;
});

Deno.test("OverlayHealthChecker.checkAll() has at most 32 probes under way", async () => {
  const world = new Fixture();
  for (let i = 0; i < 100; i++) world.up.set(`peer-${i}`, true);
  assert.equal((await world.check()).healthy, 100);
  assert.equal(world.mostUnderWay, 32);
});

Deno.test("OverlayHealthChecker.run() calls once a peer on first sight, and on every change", async () => {
  const world = new Fixture();
  const calls: string[] = [];
  const abort = new AbortController();
  world.up.set("a", true);
  const done = world.checker.run(({ name, healthy }) => void calls.push(`${name} ${healthy}`), abort.signal);
  await world.run(60_000);
  assert.deepEqual(calls, ["a true"]);
  world.up.set("b", true);
  await world.run(2_000);
  assert.deepEqual(calls, ["a true", "b true"]);
  world.up.set("a", false);
  await world.run(21_000);
  assert.deepEqual(calls, ["a true", "b true", "a false"]);
  world.up.set("a", true);
  await world.run(31_000);
  assert.deepEqual(calls, ["a true", "b true", "a false", "a true"]);
  abort.abort();
  await done;
  await world.run(PROBE_TIMEOUT_MS);
  assert.equal(world.timers.size, 0, "nothing is left behind");
});

Deno.test("OverlayHealthChecker.run() calls a second listener with what is known at once, and one that throws no more", async () => {
  const world = new Fixture();
  world.up.set("a", true);
  const abort = new AbortController();
  const first = world.checker.run(() => {}, abort.signal);
  await world.run(1_000);
  const calls: PeerHealth[] = [];
  const second = world.checker.run((peer) => {
    calls.push(peer);
    throw new Error("had enough");
  });
  await assert.rejects(second, /had enough/);
  assert.deepEqual(calls.map(({ name }) => name), ["a"]);
  abort.abort();
  await first;
});

Deno.test("OverlayHealthChecker.suspect() makes a dead peer known within two timeouts", async () => {
  const world = new Fixture();
  world.up.set("a", true);
  const calls: boolean[] = [];
  const abort = new AbortController();
  const done = world.checker.run(({ healthy }) => void calls.push(healthy), abort.signal);
  await world.run(1_500);
  world.up.set("a", false);
  world.checker.suspect("a");
  world.checker.suspect("nobody");
  await world.run(2 * PROBE_TIMEOUT_MS + 100);
  assert.deepEqual(calls, [true, false]);
  abort.abort();
  await done;
});

Deno.test("OverlayHealthChecker ages a handshake by the monotonic clock, and a new one brings the peer back at once", async () => {
  const world = new Fixture();
  world.up.set("a", false);
  const calls: boolean[] = [];
  const abort = new AbortController();
  const done = world.checker.run(({ healthy }) => void calls.push(healthy), abort.signal);
  await world.run(12_000);
  assert.deepEqual(calls, [false]);
  world.up.set("a", true);
  // The other end's clock is of no matter, and neither is this one's when it is an hour off.
  world.handshakes.set("a", unixMillis(world.clock.wall() - 3_600_000));
  await world.run(1_100);
  assert.deepEqual(calls, [false, true]);
  abort.abort();
  await done;
});

Deno.test("OverlayHealthChecker.handshakeAgeMs() is the same whatever the wall clock is set to", async () => {
  const world = new Fixture();
  world.up.set("a", true);
  const abort = new AbortController();
  const done = world.checker.run(() => {}, abort.signal);
  await world.run(2_000);
  const handshakeAt = world.clock.wall();
  world.handshakes.set("a", handshakeAt);
  // Not looked at yet, and the clock is set before it is.
  for (const stepMs of [3_600_000, -3_600_000, 0]) {
    Object.assign(world.clock, { wall: () => unixMillis(handshakeAt + stepMs) });
    const ageMs = world.checker.handshakeAgeMs("a", handshakeAt);
    assert.ok(ageMs >= 0 && ageMs <= 2_000, `${ageMs} after a step of ${stepMs}`);
  }
  await world.run(5_000);
  const before = world.checker.handshakeAgeMs("a", handshakeAt);
  assert.ok(before >= 3_000 && before <= 7_000, `${before}`);
  Object.assign(world.clock, { wall: () => unixMillis(handshakeAt + 86_400_000) });
  assert.equal(world.checker.handshakeAgeMs("a", handshakeAt), before);
  assert.equal(world.checker.figures("a")?.healthy, true);
  abort.abort();
  await done;
});
