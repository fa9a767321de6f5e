import assert from "node:assert/strict";
import { concatBytes, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import type { DataEngine } from "../engine.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";
import { RECORD_VERSION } from "./log_record.ts";

const SPEC = { name: "items", key: "id", index: [] };
/** At offset 60 of the file: the user version, 32 bits (SQLite file format §1.3.14). */
const USER_VERSION_AT = 60;

/** What has a log that is cut behind a snapshot whenever somebody has written a little. */
class CutLog implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "weft-versions-" });
  readonly log: MemoryLog;
  readonly #clock = new VirtualClock();
  readonly #timers = new VirtualTimers(this.#clock);
  readonly #engines: DataEngine[] = [];

  constructor() {
    this.log = new MemoryLog(this.#clock);
  }

  open(folder?: string): DataEngine {
    const options = { clock: this.#clock, snapshotBytes: 2_000, keptMessages: 0, snapshotDelayMs: 1 };
    const path = folder === undefined ? undefined : `${this.folder}/${folder}`;
    if (path !== undefined) Deno.mkdirSync(path, { recursive: true });
    const copy = new MemoryCopy(path);
    const engine = openReplica(this.log.connect(this.#timers), this.#timers, { ...options, copy });
    this.#engines.push(engine);
    return engine;
  }

  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    work.finally(() => isDone = true).catch(() => {});
    for (let steps = 0; !isDone && steps < 10_000; steps++) {
      await settle();
      this.#timers.advance(5);
    }
    assert.ok(isDone, "it takes too long");
    return await work;
  }

  /** Writes until a snapshot is stored that has all of it. */
  async cut(engine: DataEngine): Promise<void> {
    const { last } = this.log;
    for (let n = 0; (this.log.snapshot?.sequence ?? 0) <= last; n++) {
      assert.ok(n < 200, "no snapshot is stored");
      const write = {
        kind: "put",
        collection: "items",
        value: { id: `${n}`, text: "x".repeat(500) },
      } as const;
      await this.until(engine.commit({ reads: [], writes: [write] }));
      await this.until(this.pass());
    }
  }

  /** Long enough for what is due at once. */
  pass(): Promise<void> {
    return new Promise((resolve) => this.#timers.setTimer(10, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.until(Promise.all(this.#engines.map((engine) => engine.close())));
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function userVersion(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(USER_VERSION_AT);
}

Deno.test("a snapshot has the version of the records that it is made of, also for who never looks at it, and so have those of its heirs", async () => {
  await using cut = new CutLog();
  const first = cut.open("first");
  await cut.until(first.create(SPEC));
  await cut.cut(first);
  assert.equal(cut.log.snapshot?.version, 1, "what all releases know they may read");
  assert.ok(userVersion(cut.log.snapshot?.bytes ?? assert.fail()) <= 1);
  await cut.until(
    first.moves?.step({ kind: "begin", collection: "items", id: "m", by: "a" }) ?? Promise.reject(),
  );
  await cut.until(first.moves?.step({ kind: "abort", collection: "items" }) ?? Promise.reject());
  await cut.cut(first);
  const check = (note: string) => {
    assert.equal(cut.log.snapshot?.version, RECORD_VERSION, note);
    assert.equal(userVersion(cut.log.snapshot?.bytes ?? assert.fail()), RECORD_VERSION, note);
  };
  check("that of a copy which has read the move");
  await cut.until(first.close());
  // It knows of the move by that snapshot alone.
  const second = cut.open("second");
  await cut.cut(second);
  check("that of a copy which began with it");
  await cut.until(second.close());
  await cut.cut(cut.open("second"));
  check("that of a copy which was opened again");
});

Deno.test("a node takes no snapshot of a later version: it says so, and keeps the copy that it has", async () => {
  await using cut = new CutLog();
  const first = cut.open();
  await cut.until(first.create(SPEC));
  const behind = cut.open("behind");
  await cut.until(behind.describe("items"));
  await cut.until(behind.close());
  await cut.cut(first);
  const there = cut.log.snapshot ?? assert.fail();
  const bytes = concatBytes(there.bytes);
  cut.log.keep({ ...there, bytes, version: RECORD_VERSION + 1 }, cut.log.first);
  const again = cut.open("behind");
  await cut.until(cut.pass());
  await assert.rejects(cut.until(again.get("items", ["0"])), /later version of weft/);
  assert.deepEqual((await cut.until(again.collections())).map(({ name, count }) => [name, count]), [[
    "items",
    0,
  ]]);
});
