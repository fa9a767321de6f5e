import assert from "node:assert/strict";
import { createScratch, labTest, mountSmallDisk } from "../../../tests/lab/mod.ts";
import { StateError, type StateStore } from "../../base/mod.ts";
import { SqliteStateStore } from "./sqlite_state_store.ts";

const isFull = (error: unknown): boolean =>
  error instanceof StateError && /the disk is full/.test(error.message) && error.hint !== undefined;

labTest(
  "SqliteStateStore names a full disk and loses nothing to it",
  ["linux", "root", "mount"],
  async () => {
    await using scratch = await createScratch("full-disk");
    await using disk = await mountSmallDisk(`${scratch.path}/disk`, 1 << 20);
    const dir = `${disk.path}/state`;

    await disk.fill();
    assert.throws(() => SqliteStateStore.open(dir), isFull);
    await disk.drain();
    {
      using store = SqliteStateStore.open(dir);
      store.put("a", "kept", Uint8Array.of(1));
      await disk.fill();
      assert.throws(() => store.put("a", "big", new Uint8Array(100_000)), isFull);
      assert.throws(() => store.transaction(() => fillFrom(store)), isFull);
      assert.deepEqual(store.entries("a"), [["kept", Uint8Array.of(1)]]);
      await disk.drain();
      store.put("a", "kept", Uint8Array.of(2));
      await disk.fill();
    }
    {
      // Opened and closed without room, it is still whole.
      using store = SqliteStateStore.open(dir);
      assert.deepEqual(store.entries("a"), [["kept", Uint8Array.of(2)]]);
    }
    await disk.drain();
    using store = SqliteStateStore.open(dir);
    store.put("a", "more", new Uint8Array(100_000));
    assert.deepEqual(store.get("a", "kept"), Uint8Array.of(2));
  },
);

/** Goes on after the first failure, as a careless caller would. */
function fillFrom(store: StateStore): void {
  for (let i = 0; i < 50; i++) {
    try {
      store.transaction(() => store.put("a", `big-${i}`, new Uint8Array(100_000)));
    } catch {
      store.put("a", "after", Uint8Array.of(1));
    }
  }
}
