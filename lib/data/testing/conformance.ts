/**
 * What every engine does, as tests.
 * @module
 */

import assert from "node:assert/strict";
import { MAX_KEPT_CHANGES, MAX_KEY_BYTES, MAX_VALUE_BYTES } from "../bounds.ts";
import type { CollectionSpec, DataEngine, Document } from "../engine.ts";
import { DataError, type DataFailureCode } from "../errors.ts";

/** Opens an engine without collections, and after `close` the same one again. */
export interface EngineSample extends AsyncDisposable {
  open(): Promise<DataEngine>;
}

const ORDERS: CollectionSpec = { name: "orders", key: "id", index: ["status"] };

/**
 * Tests what all engines promise.
 * @param name of the engine
 * @param isDurable whether it can be opened again
 * @param register of a test that the machine may lack something for
 */
export function testEngine(
  name: string,
  sample: () => Promise<EngineSample>,
  isDurable = true,
  register: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  const test = (what: string, run: (engine: DataEngine, again: () => Promise<DataEngine>) => Promise<void>) =>
    register(`${name}: ${what}`, async () => {
      await using opened = await sample();
      let engine = await opened.open();
      try {
        await run(engine, async () => {
          await engine.close();
          return engine = await opened.open();
        });
      } finally {
        await engine.close();
      }
    });

  test("an entry is put, got, patched and deleted, and each change has a higher revision", async (engine) => {
    await engine.create(ORDERS);
    const first = await write(engine, "put", { id: 7, status: "open", total: 120 });
    assert.deepEqual(await engine.get("orders", ["7", "8"]), [
      { key: "7", value: { id: 7, status: "open", total: 120 }, revision: first },
      undefined,
    ]);
    const second = await revisionOf(engine, {
      kind: "patch",
      collection: "orders",
      key: "7",
      value: { status: "paid", note: null },
    });
    assert.ok(second > first);
    const [patched] = await engine.get("orders", ["7"]);
    assert.deepEqual(patched?.value, { id: 7, status: "paid", total: 120, note: null });
    const third = await revisionOf(engine, { kind: "delete", collection: "orders", key: "7" });
    assert.ok(third > second);
    assert.deepEqual(await engine.get("orders", ["7"]), [undefined]);
    assert.equal(await revisionOf(engine, { kind: "delete", collection: "orders", key: "7" }), 0);
    assert.deepEqual(await engine.describe("orders"), { ...ORDERS, revision: third, count: 0 });
    for (const id of [1, 2, 2]) await write(engine, "put", { id });
    assert.equal((await engine.describe("orders")).count, 2);
    await revisionOf(engine, { kind: "delete", collection: "orders", key: "2" });
    await fails("AlreadyExists", write(engine, "post", { id: 1 }));
    assert.equal((await engine.describe("orders")).count, 1);
  });

  test("a write waits for the revision that it expects", async (engine) => {
    await engine.create(ORDERS);
    const revision = await write(engine, "post", { id: 1 });
    await fails("AlreadyExists", write(engine, "post", { id: 1 }));
    await fails("Conflict", write(engine, "put", { id: 1, n: 2 }, revision + 1));
    await fails("Conflict", write(engine, "put", { id: 1, n: 2 }, 0));
    await fails("Conflict", write(engine, "put", { id: 2 }, 5));
    await write(engine, "put", { id: 1, n: 2 }, revision);
    const patch = {
      kind: "patch",
      collection: "orders",
      key: "1",
      value: { n: 3 },
      ifRevision: revision,
    } as const;
    await fails("Conflict", revisionOf(engine, patch));
    await fails(
      "Conflict",
      revisionOf(engine, { kind: "delete", collection: "orders", key: "1", ifRevision: revision }),
    );
    await fails("NotFound", revisionOf(engine, { kind: "patch", collection: "orders", key: "9", value: {} }));
    assert.deepEqual((await engine.get("orders", ["1"]))[0]?.value, { id: 1, n: 2 });
  });

  test("what was never made can't be used, and what has another key can't be opened", async (engine) => {
    await fails("UnknownCollection", engine.get("orders", ["1"]));
    await fails("UnknownCollection", engine.describe("orders"));
    await engine.create(ORDERS);
    assert.deepEqual((await engine.create({ ...ORDERS, index: ["total"] })).index, ["status", "total"]);
    await fails("InvalidCollection", engine.create({ ...ORDERS, key: "number" }));
    for (const wrong of ["", "1a", "a b", "a/b", "a".repeat(65)]) {
      await fails("InvalidCollection", engine.create({ ...ORDERS, name: wrong }));
    }
    await fails("InvalidCollection", engine.create({ ...ORDERS, index: ["a'b"] }));
    assert.deepEqual((await engine.collections()).map(({ name }) => name), ["orders"]);
    assert.equal(await engine.drop("orders"), true);
    assert.equal(await engine.drop("orders"), false);
    await fails("UnknownCollection", engine.get("orders", ["1"]));
  });

  test("indexes that SQLite could not tell apart, or name, are refused, and nothing else is held up", async (engine) => {
    for (const index of [["status", "Status"], ["a\\b"]]) {
      await fails("InvalidCollection", engine.create({ ...ORDERS, index }));
    }
    await engine.create(ORDERS);
    await fails("InvalidCollection", engine.create({ ...ORDERS, index: ["STATUS"] }));
    // Only letters from A to Z are alike to SQLite.
    await engine.create({ ...ORDERS, index: ["größe", "grÖße", "deep.name"] });
    await write(engine, "put", { id: 1, status: "open" });
    assert.deepEqual((await engine.describe("orders")).index, ["deep.name", "grÖße", "größe", "status"]);
  });

  test("keys and values at their bounds are kept, and beyond are refused", async (engine) => {
    await engine.create(ORDERS);
    const long = "k".repeat(MAX_KEY_BYTES);
    await write(engine, "put", { id: long });
    assert.equal((await engine.get("orders", [long]))[0]?.key, long);
    await fails("InvalidKey", write(engine, "put", { id: `${long}k` }));
    await fails("InvalidKey", write(engine, "put", { id: "ü".repeat(MAX_KEY_BYTES / 2 + 1) }));
    for (const id of ["", "a\0b", "\ud800", 1.5, null, [1], 2 ** 60]) {
      await fails("InvalidKey", write(engine, "put", { id } as Document));
    }
    await fails("InvalidKey", write(engine, "put", { name: "without" }));
    const overhead = JSON.stringify({ id: 1, text: "" }).length;
    await write(engine, "put", { id: 1, text: "x".repeat(MAX_VALUE_BYTES - overhead) });
    await fails(
      "TooLarge",
      write(engine, "put", { id: 1, text: "x".repeat(MAX_VALUE_BYTES - overhead + 1) }),
    );
    await fails("TooLarge", write(engine, "put", { id: 1, text: "ü".repeat(MAX_VALUE_BYTES / 2) }));
    const bad = [undefined, NaN, Infinity, 1n, new Date(), new Map(), () => 1, Symbol("a"), [undefined]];
    for (const value of bad) await fails("InvalidValue", write(engine, "put", { id: 2, value } as never));
    let deep: unknown = 1;
    for (let i = 0; i < 100; i++) deep = [deep];
    await fails("InvalidValue", write(engine, "put", { id: 2, deep } as never));
    assert.deepEqual(await engine.get("orders", ["2"]), [undefined]);
  });

  test("values come back as they were", async (engine) => {
    await engine.create(ORDERS);
    const odd = JSON.parse(
      '{"id":"ü/\\u0001","__proto__":{"a":[]},"n":-1e-7,"big":9007199254740993,"":null,"s":"\\ud83d\\ude00"}',
    );
    await write(engine, "put", odd);
    const [entry] = await engine.get("orders", ["ü/\u0001"]);
    assert.equal(JSON.stringify(entry?.value), JSON.stringify(odd));
    await revisionOf(engine, {
      kind: "patch",
      collection: "orders",
      key: "ü/\u0001",
      value: JSON.parse('{"__proto__":1}'),
    });
    assert.equal(
      Object.hasOwn((await engine.get("orders", ["ü/\u0001"]))[0]?.value ?? {}, "__proto__"),
      true,
    );
    await fails(
      "InvalidValue",
      revisionOf(engine, { kind: "patch", collection: "orders", key: "ü/\u0001", value: { id: "x" } }),
    );
  });

  test("entries are listed by prefix, in the order of their keys, part by part", async (engine) => {
    await engine.create(ORDERS);
    for (const id of ["b/2", "a/1", "b/1", "b", "b/10", "c", "b0", "b/\u{10FFFF}"]) {
      await write(engine, "put", { id });
    }
    const keys = async (request: { prefix?: string; after?: string; limit: number }) =>
      (await engine.list("orders", request)).map(({ key }) => key);
    assert.deepEqual(await keys({ limit: 10 }), [
      "a/1",
      "b",
      "b/1",
      "b/10",
      "b/2",
      "b/\u{10FFFF}",
      "b0",
      "c",
    ]);
    assert.deepEqual(await keys({ prefix: "b/", limit: 2 }), ["b/1", "b/10"]);
    assert.deepEqual(await keys({ prefix: "b/", after: "b/10", limit: 9 }), ["b/2", "b/\u{10FFFF}"]);
    const wide = "x".repeat(MAX_VALUE_BYTES - 100);
    for (let i = 0; i < 5; i++) await write(engine, "put", { id: `w${i}`, wide });
    const part = await keys({ prefix: "w", limit: 10 });
    assert.ok(part.length > 0 && part.length < 5, `${part.length}`);
  });

  test("a transaction happens as a whole or not at all, and only on what it has read", async (engine) => {
    await engine.create(ORDERS);
    await engine.create({ name: "bills", key: "id", index: [] });
    const a = await write(engine, "put", { id: "a", n: 1 });
    const b = await write(engine, "put", { id: "b", n: 1 });
    const { revisions } = await engine.commit({
      reads: [{ collection: "orders", key: "a", revision: a }, {
        collection: "orders",
        key: "z",
        revision: 0,
      }],
      writes: [
        { kind: "put", collection: "orders", value: { id: "a", n: 2 } },
        { kind: "post", collection: "bills", value: { id: "a" } },
      ],
    });
    assert.equal(revisions.length, 2);
    // The second write fails, and takes the first one back.
    await fails(
      "AlreadyExists",
      engine.commit({
        reads: [],
        writes: [
          { kind: "put", collection: "orders", value: { id: "b", n: 9 } },
          { kind: "post", collection: "bills", value: { id: "a" } },
        ],
      }),
    );
    await fails(
      "Conflict",
      engine.commit({
        reads: [{ collection: "orders", key: "a", revision: a }],
        writes: [{ kind: "delete", collection: "orders", key: "b" }],
      }),
    );
    assert.equal((await engine.get("orders", ["b"]))[0]?.revision, b);
    // What was taken back leaves no change behind.
    assert.deepEqual((await engine.changes("orders", 0, 100)).map(({ key }) => key), ["a", "b", "a"]);
    const { revision } = await engine.describe("orders");
    const whole = { collection: "orders", revision };
    await engine.commit({
      reads: [whole],
      writes: [{ kind: "put", collection: "orders", value: { id: "c" } }],
    });
    await fails("Conflict", engine.commit({ reads: [whole], writes: [] }));
  });

  test("under its id a transaction happens once", async (engine, again) => {
    await engine.create(ORDERS);
    const commit = (id: string, n: number) => ({
      id,
      reads: [],
      writes: [{ kind: "put", collection: "orders", value: { id: "a", n } } as const],
      result: { n },
    });
    assert.equal(await engine.transaction("once"), undefined);
    const waiting = engine.commit(commit("once", 1));
    assert.equal(await engine.transaction("once"), "queued");
    const [first, beside] = await Promise.all([waiting, engine.commit(commit("once", 2))]);
    assert.deepEqual([first.isRepeated, beside.isRepeated], [false, true]);
    assert.deepEqual([beside.revisions, beside.result], [first.revisions, { n: 1 }]);
    const later = isDurable ? await again() : engine;
    assert.equal(await later.transaction("once"), "committed");
    assert.deepEqual((await later.commit(commit("once", 3))).result, { n: 1 });
    assert.deepEqual((await later.get("orders", ["a"]))[0]?.value, { id: "a", n: 1 });
    // What has not happened may be tried again under its id.
    await fails(
      "Conflict",
      later.commit({ ...commit("twice", 4), reads: [{ collection: "orders", key: "a", revision: 0 }] }),
    );
    assert.equal((await later.commit(commit("twice", 5))).isRepeated, false);
  });

  test("changes are told in order, from any revision that is kept", async (engine, again) => {
    await engine.create(ORDERS);
    await engine.create({ name: "other", key: "id", index: [] });
    let told = 0;
    const end = engine.follow("orders", () => told++);
    const first = await write(engine, "put", { id: 1, status: "open" });
    await engine.commit({ reads: [], writes: [{ kind: "put", collection: "other", value: { id: 1 } }] });
    await write(engine, "put", { id: 1, status: "paid" });
    await revisionOf(engine, { kind: "delete", collection: "orders", key: "1" });
    assert.equal(told, 3);
    end();
    const all = await engine.changes("orders", 0, 10);
    assert.deepEqual(all.map(({ key, old, new: now }) => [key, old, now]), [
      ["1", undefined, { id: 1, status: "open" }],
      ["1", { id: 1, status: "open" }, { id: 1, status: "paid" }],
      ["1", { id: 1, status: "paid" }, undefined],
    ]);
    assert.deepEqual((await engine.changes("orders", first, 1)).map(({ old }) => old), [{
      id: 1,
      status: "open",
    }]);
    const last = all.at(-1)?.revision ?? 0;
    assert.deepEqual(await engine.changes("orders", last, 10), []);
    if (!isDurable) return;
    const opened = await again();
    assert.ok(await write(opened, "put", { id: 2 }) > last);
    assert.equal((await opened.changes("orders", first, 10)).length, 3);
  });

  test("changes that are not kept any more are said to be so", async (engine) => {
    await engine.create(ORDERS);
    const puts = (n: number) =>
      engine.commit({
        reads: [],
        writes: Array.from(
          { length: n },
          (_, i) => ({ kind: "put", collection: "orders", value: { id: i } } as const),
        ),
      });
    for (let written = 0; written <= MAX_KEPT_CHANGES; written += 1_000) await puts(1_000);
    const compacted = await fails("Compacted", engine.changes("orders", 1, 10));
    assert.equal(compacted.revision, (await engine.describe("orders")).revision);
    const { revision } = await engine.describe("orders");
    assert.equal((await engine.changes("orders", revision - 1_000, 1_000)).length, 1_000);
    // One of the same name is another one, whose watches begin anew.
    await engine.drop("orders");
    await engine.create(ORDERS);
    await fails("Compacted", engine.changes("orders", revision - 1, 10));
    assert.ok(await write(engine, "put", { id: 1 }) > revision);
  });

  test("a schema is kept as it is, until another one is said", async (engine, again) => {
    const schema = { version: 2, jsonSchema: { type: "object" }, history: [{ version: 2, since: 7 }] };
    await engine.create({ ...ORDERS, schema });
    assert.deepEqual((await engine.create(ORDERS)).schema, schema);
    const next = { ...schema, version: 3 };
    assert.deepEqual((await engine.create({ ...ORDERS, schema: next })).schema, next);
    if (!isDurable) return;
    assert.deepEqual((await (await again()).describe("orders")).schema, next);
  });

  test("what was written before it was closed is there when it is opened again", async (engine, again) => {
    if (!isDurable) return;
    await engine.create({ ...ORDERS, read: "role=web", write: "role=api" });
    const revision = await write(engine, "put", { id: 1, status: "open" });
    const opened = await again();
    assert.deepEqual(await opened.collections(), [
      { ...ORDERS, read: "role=web", write: "role=api", revision, count: 1 },
    ]);
    assert.deepEqual(await opened.get("orders", ["1"]), [{
      key: "1",
      value: { id: 1, status: "open" },
      revision,
    }]);
  });
}

/** @returns the revision of one write */
export async function revisionOf(
  engine: DataEngine,
  one: Parameters<DataEngine["commit"]>[0]["writes"][number],
): Promise<number> {
  return (await engine.commit({ reads: [], writes: [one] })).revisions[0] ?? 0;
}

function write(
  engine: DataEngine,
  kind: "put" | "post",
  value: Document,
  ifRevision?: number,
): Promise<number> {
  const condition = ifRevision === undefined ? {} : { ifRevision };
  return revisionOf(engine, { kind, collection: "orders", value, ...kind === "put" && condition });
}

/** Waits until something has failed with a code. @returns how */
export async function fails(code: DataFailureCode, what: Promise<unknown>): Promise<DataError> {
  const error = await what.then(
    (value) => assert.fail(`gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof DataError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}
