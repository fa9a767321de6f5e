import assert from "node:assert/strict";
import { createScratch, labTest, mountSmallDisk } from "../../../tests/lab/mod.ts";
import { type DataEngine, DataError } from "../../data/mod.ts";
import { systemClock } from "../../host/mod.ts";
import { DataStore } from "./data_store.ts";

const put = (engine: DataEngine, id: number, bytes = 20_000) =>
  engine.commit({
    reads: [],
    writes: [{ kind: "put", collection: "orders", value: { id, text: "x".repeat(bytes) } }],
  });

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
    (error) => error instanceof DataError && error.code === "DiskFull" && error.retryable,
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
