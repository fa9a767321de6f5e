import assert from "node:assert/strict";
import { createScratch, labTest, mountSmallDisk } from "../../../tests/lab/mod.ts";
import { StateError } from "../../base/mod.ts";
import { testStateStore } from "../../base/testing/state_store_suite.ts";
import type { FileReplacement } from "./file_replacement.ts";
import { HostJournal } from "./host_journal.ts";
import { ResumedStateStore } from "./resumed_state_store.ts";
import { SqliteStateStore } from "./sqlite_state_store.ts";

const isFull = (error: unknown): boolean =>
  error instanceof StateError && /the disk is full/.test(error.message) && error.hint !== undefined;

testStateStore("ResumedStateStore", (body) => {
  const dir = Deno.makeTempDirSync({ prefix: "weft-state-" });
  try {
    using store = ResumedStateStore.open(dir);
    body(store);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

labTest(
  "ResumedStateStore starts from what is on a full disk, and writes what the start wrote when there is room",
  ["linux", "root", "mount"],
  async () => {
    await using scratch = await createScratch("resumed");
    await using disk = await mountSmallDisk(`${scratch.path}/disk`, 1 << 20);
    const dir = `${disk.path}/state`;
    {
      using store = SqliteStateStore.open(dir);
      for (const key of ["kept", "changed", "gone"]) store.put("a", key, Uint8Array.of(1));
    }
    await disk.fill();
    {
      using store = ResumedStateStore.open(dir);
      assert.equal(store.isHeld, true);
      store.put("a", "changed", Uint8Array.of(2));
      store.transaction(() => store.put("b", "new", new Uint8Array(100_000)));
      store.delete("a", "gone");
      assert.throws(() =>
        store.transaction(() => {
          store.put("a", "undone", Uint8Array.of(3));
          throw new TypeError("no");
        }), TypeError);
      assert.deepEqual(store.entries("a").map(([key]) => key), ["changed", "kept"]);
      const replacement = { path: "/etc/resolv.conf" } as FileReplacement;
      assert.throws(() => new HostJournal(store).record({ kind: "resolver", replacement }), StateError);
      new HostJournal(store).record({ kind: "interface", name: "weft0" });
      store.settle();
      assert.throws(() => store.put("a", "late", Uint8Array.of(4)), isFull);
      assert.equal(store.flush(), false);
      // Reading and a transaction that writes nothing go on.
      assert.deepEqual(store.transaction(() => store.get("a", "changed")), Uint8Array.of(2));
      await disk.drain();
      assert.equal(store.flush(), true);
      store.put("a", "later", Uint8Array.of(5));
    }
    using store = SqliteStateStore.open(dir);
    assert.deepEqual(store.entries("a").map(([key]) => key), ["changed", "kept", "later"]);
    assert.equal(store.get("b", "new")?.length, 100_000);
    assert.deepEqual(store.collections().toSorted(), ["a", "b", "host-journal"]);
  },
);
