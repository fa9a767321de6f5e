import assert from "node:assert/strict";
import { millis, SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { OverlayHealthChecker } from "./overlay_health_checker.ts";
import { SuspicionPolicy } from "./suspicion_policy.ts";

function newPolicy(): SuspicionPolicy {
  return new SuspicionPolicy({ self: "me", isPeer: (id) => id.startsWith("peer-") });
}

Deno.test("SuspicionPolicy.shouldAnnounce() announces each member once in 30 s", () => {
  const policy = newPolicy();
  const announced = [0, 1, 29_999, 30_000].map((at) => policy.shouldAnnounce(millis(at), "peer-1"));
  assert.deepEqual(announced, [true, false, false, true]);
  assert.ok(policy.shouldAnnounce(millis(30_000), "peer-2"));
});

Deno.test("SuspicionPolicy.shouldAnnounce() announces 16 at most when everybody seems gone", () => {
  const policy = newPolicy();
  const announced = Array.from({ length: 1000 }, (_, i) => policy.shouldAnnounce(millis(0), `peer-${i}`));
  assert.equal(announced.filter(Boolean).length, 16);
  assert.ok(policy.shouldAnnounce(millis(40_000), "peer-1"));
});

Deno.test("SuspicionPolicy.handleSuspicion() has a member probed once for all who miss it", () => {
  const policy = newPolicy();
  assert.equal(policy.handleSuspicion(millis(0), "peer-1", "peer-9"), "peer-9");
  assert.equal(policy.handleSuspicion(millis(5), "peer-2", "peer-9"), undefined);
  assert.equal(policy.handleSuspicion(millis(5), "peer-2", "peer-8"), "peer-8");
  assert.equal(policy.handleSuspicion(millis(10_000), "peer-2", "peer-9"), "peer-9");
  assert.deepEqual(policy.drops.snapshot(), { "suspicion-stranger": 0, "suspicion-too-many": 0 });
});

Deno.test("SuspicionPolicy.handleSuspicion() has the sender probed when it misses this node", () => {
  assert.equal(newPolicy().handleSuspicion(millis(0), "peer-1", "me"), "peer-1");
});

Deno.test("SuspicionPolicy.handleSuspicion() counts what it does not follow, and bounds what one member may ask for", () => {
  const policy = newPolicy();
  assert.equal(policy.handleSuspicion(millis(0), "peer-1", "nobody"), undefined);
  const followed = Array.from(
    { length: 100 },
    (_, i) => policy.handleSuspicion(millis(0), "peer-1", `peer-${i}`),
  );
  assert.equal(followed.filter((id) => id !== undefined).length, 15);
  assert.deepEqual(policy.drops.snapshot(), { "suspicion-stranger": 1, "suspicion-too-many": 85 });
  assert.equal(policy.handleSuspicion(millis(0), "peer-2", "peer-50"), "peer-50", "others are followed");
});

/** A member asks each other one this often, as in a network of a thousand. */
const KEEP_ALIVE_MS = 60_000;
const DIES_AT_MS = 200_000;

/**
 * Five members watch a sixth, which dies; each begins to watch 12 s after the one before.
 * @returns when each has noticed, in milliseconds after the death, and how many suspicions were announced
 */
async function watchDeath(
  isAnnounced: boolean,
): Promise<{ noticedMs: readonly number[]; announced: number }> {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const startedAt = clock.now();
  const sinceStart = (): number => clock.now() - startedAt;
  const noticedMs: number[] = [];
  let announced = 0;
  const members = Array.from({ length: 5 }, (_, i) => {
    const self = `peer-${i}`;
    const policy = new SuspicionPolicy({ self, isPeer: (id) => id !== self });
    const target = { id: "victim", publicKey: "k", name: "victim", address: "10.200.0.9", isProbed: true };
    const checker = new OverlayHealthChecker({
      clock,
      timers,
      random: new SeededRandom(i),
      targets: () => [{ ...target, handshakeAt: undefined }],
      probe: (_, timeoutMs) => {
        const isUp = sinceStart() < DIES_AT_MS;
        return new Promise((resolve) =>
          timers.setTimer(
            isUp ? 20 : timeoutMs,
            () => resolve(isUp ? { rttMs: 20, path: "direct" } : undefined),
          )
        );
      },
    }, { keepAliveMs: KEEP_ALIVE_MS });
    return { self, policy, checker };
  });
  const stop = new AbortController();
  members.forEach(({ self, policy, checker }, i) => {
    timers.setTimer(12_000 * i, () =>
      void checker.run(({ id, healthy }) => {
        if (healthy) return;
        noticedMs.push(sinceStart() - DIES_AT_MS);
        if (!isAnnounced || !policy.shouldAnnounce(clock.now(), id)) return;
        announced++;
        for (const other of members) {
          if (other.self === self) continue;
          const suspect = other.policy.handleSuspicion(clock.now(), self, id);
          if (suspect !== undefined) other.checker.suspect(suspect);
        }
      }, stop.signal));
  });
  while (sinceStart() < DIES_AT_MS + 2 * KEEP_ALIVE_MS) {
    timers.advance(100);
    for (let i = 0; i < 8; i++) await Promise.resolve();
  }
  stop.abort();
  return { noticedMs, announced };
}

Deno.test("SuspicionPolicy has all others notice a death within two probes, long before their own round", async () => {
  const alone = await watchDeath(false);
  const together = await watchDeath(true);
  assert.equal(alone.noticedMs.length, 5);
  assert.equal(together.noticedMs.length, 5);
  const [first = 0] = together.noticedMs;
  const [last, lastAlone] = [Math.max(...together.noticedMs), Math.max(...alone.noticedMs)];
  assert.equal(first, alone.noticedMs[0], "the first has it from nobody");
  assert.ok(last <= first + 10_200, `${together.noticedMs}`);
  assert.ok(lastAlone > last + 20_000, `${alone.noticedMs}`);
  assert.equal(together.announced, 5, "each announces its own verdict once, and nobody else's");
});
