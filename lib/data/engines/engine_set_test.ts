import assert from "node:assert/strict";
import type { DataEngine } from "../engine.ts";
import { QUEUE_DEFAULTS } from "../messages.ts";
import { openMemory } from "../testing/embedded_sample.ts";
import { EngineSet } from "./engine_set.ts";

const open = () => openMemory({ wall: () => 1, now: () => 1 })();

async function names(engine: DataEngine): Promise<readonly string[]> {
  return (await engine.collections()).map(({ name }) => name);
}

Deno.test("EngineSet keeps what is there in its own engine, and what is made anew in the shared one while there is one", async () => {
  const [own, shared] = [open(), open()];
  const set = new EngineSet(own);
  await set.create({ name: "before", key: "id", index: [] });
  await set.share(shared);
  await set.create({ name: "after", key: "id", index: [] });
  assert.deepEqual(await names(own), ["before"]);
  assert.deepEqual(await names(shared), ["after"]);
  assert.deepEqual(await names(set), ["after", "before"]);
  const write = (collection: string) => ({ kind: "put", collection, value: { id: "a" } }) as const;
  await set.commit({ reads: [], writes: [write("before")] });
  await set.commit({ reads: [], writes: [write("after")] });
  assert.equal((await own.get("before", ["a"])).length, 1);
  assert.deepEqual((await set.get("after", ["a"]))[0]?.value, { id: "a" });
  await assert.rejects(set.commit({ reads: [], writes: [write("before"), write("after")] }), {
    code: "NotOwner",
  });
  await set.share(undefined);
  assert.deepEqual(await names(set), ["before"]);
  await assert.rejects(set.get("after", ["a"]), { code: "UnknownCollection" });
  await set.close();
});

Deno.test("EngineSet keeps copies of shards in its own engine, so that nodes with servers hold shards", async () => {
  const [own, shared] = [open(), open()];
  const set = new EngineSet(own, shared);
  assert.equal(set.copies, own.copies);
  await set.create({ name: "orders.3", key: "id", index: [] });
  assert.deepEqual([await names(own), await names(shared)], [["orders.3"], []]);
  await set.commit({ reads: [], writes: [{ kind: "put", collection: "orders.3", value: { id: "a" } }] });
  assert.deepEqual((await own.get("orders.3", ["a"]))[0]?.value, { id: "a" });
  await set.close();
});

Deno.test("EngineSet.follow() hears of both engines, also of one that is shared later", async () => {
  const [own, shared] = [open(), open()];
  const set = new EngineSet(own);
  let told = 0;
  const end = set.follow("after", () => told++);
  await set.share(shared);
  await set.create({ name: "after", key: "id", index: [] });
  await set.commit({ reads: [], writes: [{ kind: "put", collection: "after", value: { id: "a" } }] });
  assert(told > 0);
  end();
  const before = told;
  await set.commit({ reads: [], writes: [{ kind: "put", collection: "after", value: { id: "b" } }] });
  assert.equal(told, before);
  await set.close();
});

Deno.test("EngineSet keeps queues where what was made at the same time is kept, and commits with them there alone", async () => {
  const [own, shared] = [open(), open()];
  const set = new EngineSet(own);
  const { queues } = set;
  const limits = { ...QUEUE_DEFAULTS, maxLength: 5 };
  await set.create({ name: "before", key: "id", index: [] });
  await queues.create({ ...limits, name: "old" });
  let told = 0;
  const end = queues.follow("new", () => told++);
  await set.share(shared);
  await set.create({ name: "after", key: "id", index: [] });
  await queues.create({ ...limits, name: "new" });
  await queues.push("old", [{ value: 1 }]);
  await queues.push("new", [{ value: 2 }]);
  assert.ok(told > 0, "it hears of an engine that is shared later");
  end();
  const namesOf = async (engine: DataEngine) => (await engine.queues?.queues())?.map(({ name }) => name);
  assert.deepEqual([await namesOf(own), await namesOf(shared), await namesOf(set)], [["old"], ["new"], [
    "new",
    "old",
  ]]);
  const commitOf = (collection: string) =>
    ({ reads: [], writes: [{ kind: "put", collection, value: { id: "a" } }] }) as const;
  for (
    const [queue, collection, other] of [["old", "before", "after"], ["new", "after", "before"]] as const
  ) {
    const [taken] = await queues.take(queue, { holder: "w", limit: 1 });
    const lease = taken?.lease ?? "";
    await assert.rejects(queues.commit(queue, "w", lease, commitOf(other)), { code: "NotOwner" });
    await queues.commit(queue, "w", lease, commitOf(collection));
    assert.equal((await queues.describe(queue)).leased, 0);
  }
  await set.share(undefined);
  assert.deepEqual(await namesOf(set), ["old"]);
  await assert.rejects(queues.push("new", [{ value: 3 }]), { code: "UnknownQueue" });
  await set.close();
});
