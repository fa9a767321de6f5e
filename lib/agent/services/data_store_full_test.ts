import assert from "node:assert/strict";
import { StateError } from "../../base/mod.ts";
import { createScratch, labTest, mountSmallDisk } from "../../../tests/lab/mod.ts";
import { type DataEngine, DataError, QUEUE_DEFAULTS, type QueueEngine } from "../../data/mod.ts";
import { systemClock } from "../../host/mod.ts";
import { DataStore } from "./data_store.ts";

const put = (engine: DataEngine, id: number, bytes = 20_000) =>
  engine.commit({
    reads: [],
    writes: [{ kind: "put", collection: "orders", value: { id, text: "x".repeat(bytes) } }],
  });

const isDiskFull = (error: unknown) =>
  error instanceof DataError && error.code === "DiskFull" && error.retryable;

const push = ({ queues }: { readonly queues: QueueEngine }, n: number) =>
  queues.push("jobs", [{ value: { n, text: "x".repeat(20_000) }, id: `${n}` }]);

labTest("collections name a full disk, and lose nothing to it", ["linux", "root", "mount"], async () => {
  await using scratch = await createScratch("full-data");
  await using disk = await mountSmallDisk(`${scratch.path}/disk`, 2 << 20);
  const open = () => new DataStore(`${disk.path}/state`, "ab", systemClock).open();
  let engine = open();
  await engine.create({ name: "orders", key: "id", index: [] });
  await put(engine, 1);
  await disk.fill();
  let written = 1;
  await assert.rejects(
    async () => {
      for (;; written++) await put(engine, written + 1);
    },
    isDiskFull,
  );
  assert.equal((await engine.list("orders", { limit: 100 })).length, written);
  await disk.drain();
  await put(engine, written + 1);
  await disk.fill();
  await engine.close();
  // Opened without room, it is still whole.
  engine = open();
  assert.equal((await engine.describe("orders")).count, written + 1);
  await disk.drain();
  await put(engine, written + 2);
  assert.equal((await engine.describe("orders")).count, written + 2);
  await engine.close();
});

labTest("a copy of collections names a full disk, and leaves nothing of it behind", [
  "linux",
  "root",
  "mount",
], async () => {
  await using scratch = await createScratch("full-copy");
  await using disk = await mountSmallDisk(`${scratch.path}/disk`, 2 << 20);
  const store = new DataStore(`${disk.path}/state`, "ab", systemClock);
  const copies = () => [...Deno.readDirSync(`${disk.path}/state`)].filter(({ name }) => /copy/.test(name));
  const engine = store.open();
  await engine.create({ name: "orders", key: "id", index: [] });
  await put(engine, 1, 100_000);
  await disk.fill();
  await assert.rejects(
    store.copy(),
    (error) => error instanceof StateError && /Cannot copy .*: the disk is full/.test(error.message),
  );
  assert.deepEqual(copies(), []);
  await disk.drain();
  const [[name = ""] = []] = await store.copy();
  await engine.close();
  // As a process leaves it that is killed while it copies.
  await Deno.writeTextFile(`${disk.path}/state/${name}.copy`, "half of it");
  await store.open().close();
  assert.deepEqual(copies(), []);
});

labTest("queues name a full disk, and neither lose what was pushed nor do it twice", [
  "linux",
  "root",
  "mount",
], async () => {
  await using scratch = await createScratch("full-queue");
  await using disk = await mountSmallDisk(`${scratch.path}/disk`, 2 << 20);
  const open = () => {
    const engine = new DataStore(`${disk.path}/state`, "ab", systemClock).open();
    assert.ok(engine.queues);
    return { engine, queues: engine.queues };
  };
  let store = open();
  await store.queues.create({ ...QUEUE_DEFAULTS, name: "jobs" });
  await store.engine.create({ name: "done", key: "id", index: [] });
  await push(store, 1);
  await disk.fill();
  let pushed = 1;
  await assert.rejects(async () => {
    for (;; pushed++) await push(store, pushed + 1);
  }, isDiskFull);
  assert.equal((await store.queues.describe("jobs")).waiting, pushed);
  // What was refused is not there: under its id it is pushed when there is room.
  await disk.drain();
  await push(store, ++pushed);
  // A message that can't be ended for want of room is its worker's still, and nothing of its end is there.
  const [taken] = await store.queues.take("jobs", { holder: "worker", limit: 1 });
  assert.ok(taken);
  await disk.fill();
  const end = (id: number) =>
    store.queues.commit("jobs", "worker", taken.lease, {
      id: `end-${id}`,
      reads: [],
      writes: [{ kind: "put", collection: "done", value: { id, text: "x".repeat(200_000) } }],
    });
  await assert.rejects(end(1), isDiskFull);
  assert.equal((await store.queues.describe("jobs")).leased, 1);
  assert.equal((await store.engine.describe("done")).count, 0);
  await disk.drain();
  await end(1);
  await disk.fill();
  await store.engine.close();
  // Opened without room, it is still whole; each of the others comes once.
  store = open();
  assert.equal((await store.queues.describe("jobs")).waiting, pushed - 1);
  await disk.drain();
  const seen: number[] = [];
  for (;;) {
    const messages = await store.queues.take("jobs", { holder: "worker", limit: 100 });
    if (messages.length === 0) break;
    for (const { value } of messages) seen.push((value as { readonly n: number }).n);
    await store.queues.settle("jobs", "worker", messages.map(({ lease }) => ({ kind: "done", lease })));
  }
  assert.deepEqual(seen, Array.from({ length: pushed - 1 }, (_, i) => i + 2));
  assert.equal((await store.queues.describe("jobs")).waiting, 0);
  await store.engine.close();
});
