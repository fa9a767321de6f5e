import assert from "node:assert/strict";
import { MAX_LOCK_DEBT_MS, MAX_LOCK_DEBTS_PER_ORIGIN } from "../../bounds.ts";
import { fails } from "../../testing/conformance.ts";
import { openSample } from "../../testing/embedded_sample.ts";
import { FREE_COMMIT_MS, LockDebts } from "./lock_debts.ts";

/** Debts by a clock that the test moves. */
function setUp() {
  const clock = { now: 0 };
  const debts = new LockDebts(() => clock.now);
  let parts = 0;
  return {
    clock,
    debts,
    isPaused: (origin: string, key = "k", place = "orders") =>
      debts.pausedFor(place, origin, [key]) !== undefined,
    /** Locks keys for a while. */
    hold(origin: string, heldMs: number, isCommitted = false, keys: readonly string[] = ["k"]): void {
      const id = `${parts++}`;
      debts.begin(id);
      clock.now += heldMs;
      debts.end({ id, place: "orders", origin, keys, isCommitted });
    },
  };
}

for (const liars of [1, 8]) {
  Deno.test(`${liars} that lock a key again and again for nothing have it for a quarter of the time`, () => {
    const { clock, isPaused, hold } = setUp();
    const hours = 2 * 3_600_000;
    let heldMs = 0;
    while (clock.now < hours) {
      const free = Array.from({ length: liars }, (_, i) => `eve${i}`).find((eve) => !isPaused(eve));
      if (free === undefined) clock.now += 500;
      else {
        hold(free, 4_500);
        heldMs += 4_500;
      }
      assert.equal(isPaused("ann"), false);
    }
    const share = heldMs / hours;
    assert.ok(share > 0.2 && share < 0.27, `${share}`);
  });
}

Deno.test("LockDebts forgives what ends soon, and pauses a node for the key alone that it owes for", () => {
  const { clock, isPaused, hold } = setUp();
  // A key that many want: each of its parts ends soon, whatever comes of it.
  for (let i = 0; i < 200; i++) {
    hold("ann", 20);
    clock.now += 100;
    hold("ann", FREE_COMMIT_MS, true);
  }
  assert.equal(isPaused("ann"), false);
  hold("eve", MAX_LOCK_DEBT_MS + 1);
  assert.equal(isPaused("eve"), true);
  assert.equal(isPaused("eve", "other") || isPaused("eve", "k", "carts"), false);
  clock.now += 10;
  assert.equal(isPaused("eve"), false);
  hold("eve", MAX_LOCK_DEBT_MS);
  hold("ann", 50);
  assert.deepEqual([isPaused("eve"), isPaused("ann")], [true, false]);
  clock.now += MAX_LOCK_DEBT_MS * 10;
  // One who commits what it locks, late, each time.
  hold("eve", FREE_COMMIT_MS + 6_000, true);
  hold("eve", FREE_COMMIT_MS + 3_000, true);
  assert.equal(isPaused("eve"), true);
  clock.now += 60_000;
  assert.equal(isPaused("eve"), false);
});

Deno.test("who owes for more keys than are counted owes for all of the place, and others do not", () => {
  const { clock, debts, isPaused, hold } = setUp();
  hold("ann", 100);
  const rounds = Array.from({ length: MAX_LOCK_DEBTS_PER_ORIGIN / 1_000 + 1 }, (_, i) => i);
  for (const round of rounds) debts.begin(`e${round}`);
  clock.now += MAX_LOCK_DEBT_MS + 1_000;
  for (const round of rounds) {
    assert.equal(isPaused("eve", "unheard"), false, `${round}`);
    const keys = Array.from({ length: 1_000 }, (_, i) => `${round}-${i}`);
    debts.end({ id: `e${round}`, place: "orders", origin: "eve", keys, isCommitted: false });
  }
  assert.deepEqual([isPaused("eve", "unheard"), isPaused("ann", "unheard")], [true, false]);
  clock.now += 10 * MAX_LOCK_DEBT_MS;
  assert.equal(isPaused("eve", "unheard"), false);
  assert.equal(isPaused("eve", "0-1"), false);
});

Deno.test("a node that prepares and gives up again and again leaves keys to others", async () => {
  let now = 0;
  const engine = openSample(":memory:", { now: () => now });
  await engine.create({ name: "orders", key: "id", index: [] });
  const put = (id: string) => ({ kind: "put", collection: "orders", value: { id } }) as const;
  const prepare = (id: string, origin: string, key = "k") =>
    engine.prepared.prepare("orders", {
      ...{ id, attempt: id, origin, record: { collection: "orders" } },
      commit: { reads: [], writes: [put(key)] },
    });
  let rounds = 0;
  const eve = async () => {
    for (; rounds < 100; rounds++) {
      await prepare(`eve-${rounds}`, "eve");
      // What fails beside it changes nothing in what she owes.
      await fails("Locked", prepare("other", "ann"));
      now += 4_500;
      await engine.prepared.finish(
        "orders",
        { id: `eve-${rounds}`, attempt: `eve-${rounds}` },
        "rolled-back",
      );
    }
  };
  await fails("Locked", eve());
  assert.equal(rounds, 3);
  assert.deepEqual(await engine.prepared.places(), []);
  await prepare("ann-1", "ann");
  await engine.prepared.finish("orders", { id: "ann-1", attempt: "ann-1" }, "committed");
  await prepare("eve-other", "eve", "other");
  await engine.commit({ reads: [], writes: [put("k")] });
  await engine.close();
});
