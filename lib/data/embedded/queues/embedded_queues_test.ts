import assert from "node:assert/strict";
import { QUEUE_DEFAULTS } from "../../messages.ts";
import { fails } from "../../testing/conformance.ts";
import { openMemory, openSample } from "../../testing/embedded_sample.ts";
import { testQueueEngine } from "../../testing/queue_conformance.ts";

testQueueEngine("embedded queues", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-queues-" });
  let now = 1_700_000_000_000;
  return {
    open: () => Promise.resolve(openSample(`${folder}/data.db`, { wall: () => now, now: () => now })),
    pass: (ms) => Promise.resolve(void (now += ms)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

const JOBS = { ...QUEUE_DEFAULTS, name: "jobs", leaseMs: 1_000, maxLeaseMs: 10_000 };

Deno.test("a full database refuses pushes, what was refused is nowhere, and what is there is done", async () => {
  const { queues, ...engine } = openFull();
  await queues.create(JOBS);
  const value = "x".repeat(10_000);
  let pushed = 0;
  const full = (async () => {
    for (;; pushed++) await queues.push("jobs", [{ value, id: `${pushed}`, orderKey: `k${pushed % 2}` }]);
  })();
  assert.equal((await fails("DiskFull", full)).retryable, true);
  assert.ok(pushed > 5, `${pushed}`);
  assert.equal((await queues.describe("jobs")).waiting, pushed);
  let done = 0;
  for (; done < pushed; done++) {
    const [taken] = await queues.take("jobs", { holder: "w", limit: 1 });
    assert.ok(taken);
    assert.deepEqual(await queues.settle("jobs", "w", [{ kind: "done", lease: taken.lease }]), [true]);
  }
  assert.deepEqual(await queues.take("jobs", { holder: "w", limit: 1 }), []);
  assert.equal((await queues.push("jobs", [{ value, id: `${pushed}` }]))[0]?.isRepeated, false);
  await engine.close();

  function openFull() {
    const engine = openSample(":memory:", { maxBytes: 400_000 });
    return { queues: engine.queues, close: () => engine.close() };
  }
});

Deno.test("clocks that jump change neither leases nor delays, and time does not go back over a restart", async () => {
  const clock = { wall: 1_700_000_000_000, now: 50 };
  const open = openMemory({ wall: () => clock.wall, now: () => clock.now });
  let { queues } = open();
  await queues.create(JOBS);
  await queues.push("jobs", [{ value: "leased" }, { value: "delayed", delayMs: 10_000 }]);
  assert.equal((await queues.take("jobs", { holder: "w", limit: 5 })).length, 1);
  const take = async () => (await queues.take("jobs", { holder: "v", limit: 5 })).map(({ value }) => value);
  // A year ahead, and a year back.
  for (const jump of [1, -2]) {
    clock.wall += jump * 365 * 86_400_000;
    clock.now += 100;
    assert.deepEqual(await take(), []);
  }
  clock.now += 1_000;
  assert.deepEqual(await take(), ["leased"]);
  // The system's clock is two years back when it starts again: what was 9 s ahead is so still.
  ({ queues } = open());
  clock.now += 500;
  const untilDue = await queues.untilDueMs("jobs") ?? 0;
  assert.ok(untilDue > 0 && untilDue <= 10_000, `${untilDue}`);
  clock.now += 8_000;
  assert.deepEqual(await take(), ["leased"], "its lease began anew, and has run out");
  clock.now += 2_000;
  assert.ok((await take()).includes("delayed"));
  // Five minutes of sleep count for what is delayed.
  await queues.push("jobs", [{ value: "later", delayMs: 300_000 }]);
  clock.wall = 1_700_000_000_000 + 400_000;
  ({ queues } = open());
  assert.ok((await take()).includes("later"));
});

/** Queues in memory, whose commits are counted. */
async function openCounted() {
  const engine = openSample(":memory:", {
    afterTurn: (fire) => void setTimeout(fire),
    beforeCommit: () => void counted.commits++,
  });
  const counted = { engine, queues: engine.queues, commits: 0 };
  await engine.queues.create(JOBS);
  return counted;
}

Deno.test("who asks in the turn of a push, or waits for one, is given it by the same write", async () => {
  const counted = await openCounted();
  const { engine, queues } = counted;
  const take = () => queues.take("jobs", { holder: "w", limit: 1 });
  const push = (value: string) => queues.push("jobs", [{ value }]);
  // One that has asked before is passed over by none.
  counted.commits = 0;
  const [[first], , [none]] = await Promise.all([take(), push("one"), take()]);
  assert.equal(first?.value, "one");
  assert.equal(none, undefined);
  assert.equal(counted.commits, 1);
  await queues.describe("jobs");
  // A worker ends its message while somebody pushes, and another one waits.
  let waiting: ReturnType<typeof take> | undefined;
  const unfollow = queues.follow("jobs", () => waiting ??= Promise.resolve().then(take));
  counted.commits = 0;
  const settled = queues.settle("jobs", "w", [{ kind: "done", lease: first?.lease ?? "" }]);
  await push("two");
  assert.deepEqual(await settled, [true]);
  assert.equal((await waiting)?.[0]?.value, "two");
  assert.equal(counted.commits, 1);
  unfollow();
  await engine.close();
});

Deno.test("a thousand messages behind one order key are passed over in one step, and ids of what waits are kept", async () => {
  const engine = openSample();
  const { queues } = engine;
  await queues.create(JOBS);
  for (let part = 0; part < 4; part++) {
    await queues.push(
      "jobs",
      Array.from({ length: 250 }, (_, i) => ({ value: i, orderKey: "k", id: `${part}-${i}` })),
    );
  }
  await queues.push("jobs", [{ value: "free" }]);
  const taken = await queues.take("jobs", { holder: "w", limit: 10 });
  assert.deepEqual(taken.map(({ value }) => value), [0, "free"]);
  assert.equal((await queues.push("jobs", [{ value: 7, id: "3-249" }]))[0]?.isRepeated, true);
  await engine.close();
});

Deno.test("what is pushed and given to who waits for it is one transaction, for all pushes of a turn", async () => {
  const counted = await openCounted();
  const { engine, queues } = counted;
  const given = new Promise<unknown[]>((resolve) => {
    const stop = queues.follow("jobs", () => {
      stop();
      // As through several objects.
      void Promise.resolve().then(() => queues.take("jobs", { holder: "w", limit: 5 }))
        .then((taken) => resolve(taken.map(({ value }) => value)));
    });
  });
  counted.commits = 0;
  const pushed = Promise.all(["a", "b", "c"].map((value) => queues.push("jobs", [{ value }])));
  assert.deepEqual(await given, ["a", "b", "c"]);
  await pushed;
  assert.equal(counted.commits, 1);
  await engine.close();
});
