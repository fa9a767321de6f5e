import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../../../base/mod.ts";
import type { CommitPlace } from "../../engine.ts";
import { fails } from "../../testing/conformance.ts";
import { openSample } from "../../testing/embedded_sample.ts";
import { RESOLVE_AFTER_MS, RESOLVE_EACH_MS, RESOLVE_FOREIGN_MS } from "../bounds.ts";
import { TransactionResolver } from "./transaction_resolver.ts";

const OF = { id: "t", attempt: "t-1" };

/** A part that is prepared at `orders`, and what ends it when its record does not answer. */
async function prepared(record: CommitPlace) {
  const clock = new VirtualClock();
  const engine = openSample(":memory:", { now: () => clock.now() });
  await engine.create({ name: "orders", key: "id", index: [] });
  await engine.prepared.prepare("orders", {
    ...{ ...OF, origin: "ann", record },
    commit: { reads: [], writes: [{ kind: "put", collection: "orders", value: { id: "k", by: "t" } }] },
  });
  const warnings: string[] = [];
  const asked: string[] = [];
  let outcome: string | undefined;
  const resolver = new TransactionResolver({
    ...{ clock, timers: new VirtualTimers(clock) },
    log: { ...silentLogger, warn: (message) => void warnings.push(message) },
    served: () => Promise.resolve([{ place: { collection: "orders" }, store: engine.prepared }]),
    call: (place, action, params) => {
      assert.deepEqual([place, params], [record, OF]);
      asked.push(action);
      return outcome === undefined ? Promise.reject(new Error("silent")) : Promise.resolve({ outcome });
    },
  });
  return {
    ...{ engine, warnings, asked },
    answer: (as: string) => void (outcome = as),
    /** Looks as often as a node does. */
    async pass(ms: number) {
      for (const end = clock.now() + ms; clock.now() < end; clock.advance(RESOLVE_EACH_MS)) {
        await resolver.look();
      }
    },
  };
}

Deno.test("a part whose record is another collection's and silent for ten minutes is rolled back, and the log says so", async () => {
  const { engine, warnings, asked, pass } = await prepared({ collection: "carts" });
  await pass(RESOLVE_AFTER_MS);
  assert.deepEqual(asked, []);
  await pass(RESOLVE_FOREIGN_MS - RESOLVE_AFTER_MS);
  assert.ok(asked.length > 500 && asked.every((action) => action === "outcome"), `${asked.length}`);
  await fails("Locked", engine.get("orders", ["k"]));
  assert.deepEqual(warnings, []);
  await pass(RESOLVE_EACH_MS);
  assert.deepEqual(await engine.get("orders", ["k"]), [undefined]);
  assert.deepEqual(await engine.prepared.places(), []);
  assert.equal(warnings.length, 1);
  // The record comes too late with what it has decided: the part stays as it is.
  assert.equal(await engine.prepared.finish("orders", OF, "committed"), "rolled-back");
  await engine.close();
});

Deno.test("a part whose record is its own collection's waits for it however long, and ends as it says", async () => {
  const { engine, answer, pass } = await prepared({ collection: "orders", shard: 1 });
  await pass(3 * RESOLVE_FOREIGN_MS);
  await fails("Locked", engine.get("orders", ["k"]));
  answer("nonsense");
  await pass(2 * RESOLVE_EACH_MS);
  await fails("Locked", engine.get("orders", ["k"]));
  answer("committed");
  await pass(2 * RESOLVE_EACH_MS);
  const [entry] = await engine.get("orders", ["k"]);
  assert.deepEqual(entry?.value, { id: "k", by: "t" });
  await engine.close();
});
