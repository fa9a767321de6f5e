import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MAX_KEPT_IDS, MAX_LOCKS_PER_ORIGIN, MAX_OPEN_PER_ORIGIN, MAX_PREPARED_BYTES } from "../../bounds.ts";
import type { PrepareRequest, Write } from "../../engine.ts";
import { readBody } from "../../transaction_body.ts";
import { fails } from "../../testing/conformance.ts";
import { FORGET_EACH } from "../commit_writer.ts";
import { openMemory, openSample } from "../../testing/embedded_sample.ts";

const SPEC = { name: "orders", key: "id", index: [] };

function put(id: string | number, more: object = {}): Write {
  return { kind: "put", collection: "orders", value: { id, ...more } };
}

function part(id: string, writes: readonly Write[], more: Partial<PrepareRequest> = {}): PrepareRequest {
  const commit = { reads: [], writes };
  return { id, attempt: `${id}-1`, origin: "ann", record: { collection: "orders" }, commit, ...more };
}

Deno.test("a part that is prepared keeps its keys from everybody, over a crash, until it has ended", async () => {
  const open = openMemory({});
  let engine = open();
  await engine.create(SPEC);
  await engine.commit({ reads: [], writes: [put(1), put(2)] });
  const [, second] = await engine.get("orders", ["1", "2"]);
  const read = { collection: "orders", key: "2", revision: second?.revision ?? 0 };
  const reads = [read];
  const request = part("t", [], { commit: { reads, writes: [put(1, { by: "t" })] } });
  assert.deepEqual(await engine.prepared.prepare("orders", request), { kind: "ready" });
  for (let life = 0; life < 2; life++) {
    await fails("Locked", engine.get("orders", ["1"]));
    assert.equal((await engine.get("orders", ["1"], true)).length, 1);
    assert.equal((await engine.get("orders", ["2"]))[0]?.key, "2");
    for (const id of [1, 2]) await fails("Locked", engine.commit({ reads: [], writes: [put(id)] }));
    await fails("Locked", engine.commit({ reads: [{ ...read, key: "1" }], writes: [] }));
    await engine.commit({ reads, writes: [put(3 + life)] });
    await fails("Locked", engine.prepared.prepare("orders", part("other", [put(2)])));
    // Another one reads what this one has read.
    engine = open();
  }
  assert.equal(
    await engine.prepared.finish("orders", { id: "t", attempt: "t-1" }, "committed", "ann"),
    "committed",
  );
  assert.deepEqual((await engine.get("orders", ["1"]))[0]?.value, { id: 1, by: "t" });
  assert.deepEqual(await engine.prepared.places(), []);
  // It has happened, whoever sends it, and as what.
  assert.equal((await engine.prepared.prepare("orders", part("t", [put(9)]))).kind, "committed");
  assert.equal(
    (await engine.commit({ id: "t", origin: "ann", reads: [], writes: [put(9)] })).isRepeated,
    true,
  );
  assert.equal(
    await engine.prepared.finish("orders", { id: "t", attempt: "t-1" }, "rolled-back"),
    "committed",
  );
});

Deno.test("what somebody else has prepared or opened, nobody ends who does not know its attempt, or is not its origin", async () => {
  const engine = openSample();
  await engine.create(SPEC);
  const { prepared } = engine;
  const of = { id: "t", attempt: "t-1" };
  const places = [{ collection: "orders" }];
  await prepared.openRecord("orders", { ...of, origin: "ann", places });
  await prepared.prepare("orders", part("t", [put(1)]));
  assert.equal(await prepared.finish("orders", { ...of, attempt: "guessed" }, "committed"), undefined);
  await fails("Refused", prepared.finish("orders", of, "committed", "eve"));
  await fails("Refused", prepared.decide("orders", of, "eve"));
  assert.equal(await prepared.decide("orders", { ...of, attempt: "guessed" }, "ann"), "rolled-back");
  assert.equal(await prepared.outcome("orders", { ...of, attempt: "guessed" }), "rolled-back");
  await fails("Locked", prepared.openRecord("orders", { ...of, attempt: "t-2", origin: "eve", places }));
  assert.equal(await prepared.decide("orders", of, "ann", 7), "committed");
  assert.equal(await prepared.outcome("orders", of), "committed");
  const again = await prepared.openRecord("orders", { ...of, attempt: "t-2", origin: "ann", places });
  assert.deepEqual(again, { kind: "committed", result: 7 });
  await prepared.settle("orders", of, "ann");
  assert.deepEqual((await prepared.open("orders")).map(({ state }) => state), ["prepared"]);
  await prepared.finish("orders", of, "committed");
  await engine.close();
});

Deno.test("a record that was asked before it was decided is rolled back, for good", async () => {
  const engine = openSample();
  await engine.create(SPEC);
  const { prepared } = engine;
  const of = { id: "t", attempt: "t-1" };
  const places = [{ collection: "orders" }];
  await prepared.openRecord("orders", { ...of, origin: "ann", places });
  assert.equal(await prepared.outcome("orders", of), "rolled-back");
  assert.equal(await prepared.decide("orders", of, "ann"), "rolled-back");
  // One that was never opened, too.
  assert.equal(await prepared.decide("orders", { id: "u", attempt: "u-1" }, "ann"), "rolled-back");
  // The next attempt is another one.
  const next = { id: "t", attempt: "t-2" };
  await prepared.openRecord("orders", { ...next, origin: "ann", places });
  assert.equal(await prepared.decide("orders", next, "ann"), "committed");
  assert.equal(await prepared.outcome("orders", of), "rolled-back");
  assert.equal(await prepared.state("orders", "t"), "committed");
  await engine.close();
});

Deno.test("nobody has more parts, keys or records open than so many, and others still have theirs", async () => {
  const engine = openSample();
  await engine.create(SPEC);
  const { prepared } = engine;
  for (let n = 0; n < MAX_OPEN_PER_ORIGIN; n++) await prepared.prepare("orders", part(`t${n}`, [put(n)]));
  await fails("Locked", prepared.prepare("orders", part("more", [put("more")])));
  const keys = Array.from({ length: 1_000 }, (_, n) => put(`k${n}`));
  const parts = Math.floor(MAX_LOCKS_PER_ORIGIN / 1_000);
  for (let n = 0; n <= parts; n++) {
    const writes = keys.map((_, i) => put(`${n}-${i}`));
    const asked = prepared.prepare("orders", part(`b${n}`, writes, { origin: "bob" }));
    if (n < parts) await asked;
    else await fails("Locked", asked);
  }
  const places = [{ collection: "orders" }];
  for (let n = 0; n <= MAX_OPEN_PER_ORIGIN; n++) {
    const asked = prepared.openRecord("orders", { id: `r${n}`, attempt: `r${n}`, origin: "ann", places });
    if (n < MAX_OPEN_PER_ORIGIN) await asked;
    else await fails("Locked", asked);
  }
  await prepared.openRecord("orders", { id: "c", attempt: "c-1", origin: "carol", places });
  await prepared.prepare("orders", part("c", [put("c")], { origin: "carol" }));
  const long = put("long", { text: "x".repeat(MAX_PREPARED_BYTES) });
  await fails("TooLarge", prepared.prepare("orders", part("long", [long], { origin: "dan" })));
  await engine.close();
});

Deno.test("what has ended is forgotten with the oldest ids of its origin, and what is open never", async () => {
  const path = await Deno.makeTempFile({ suffix: ".db" });
  const engine = openSample(path);
  await engine.create(SPEC);
  const { prepared } = engine;
  await prepared.prepare("orders", part("open", [put("open")]));
  const database = new DatabaseSync(path);
  database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MAX_KEPT_IDS})
    INSERT INTO transactions (id, origin, revisions) SELECT 'old-' || i, 'ann', '[]' FROM n
  `);
  database.close();
  for (let n = 0; n < FORGET_EACH; n += 32) {
    await Promise.all(Array.from({ length: 32 }, async (_, i) => {
      const id = `t${n + i}`;
      await prepared.prepare("orders", part(id, [put(n + i)]));
      await prepared.finish("orders", { id, attempt: `${id}-1` }, "committed");
    }));
  }
  assert.equal(await engine.transaction("old-1"), undefined);
  assert.equal(await engine.transaction(`old-${MAX_KEPT_IDS}`), "committed");
  assert.deepEqual((await prepared.open("orders")).map(({ id }) => id), ["open"]);
  await engine.close();
  await Deno.remove(path);
});

Deno.test("readBody() takes nothing that is none, whoever has sent it", () => {
  const body = { attempt: "a", record: { collection: "orders" }, reads: ["1"], writes: [put(1)] };
  assert.deepEqual(readBody(JSON.stringify(body)), body);
  const wrong: unknown[] = [undefined, 7, "", "{", "null", "[]", "{}", "x".repeat(MAX_PREPARED_BYTES + 1)];
  const fields = [
    { attempt: "" },
    { attempt: 7 },
    { record: { collection: "../" } },
    { record: { collection: "orders", shard: 64 } },
    { places: [] },
    { places: [7] },
    { reads: [7] },
    { writes: [{ kind: "drop" }] },
    { writes: [{ kind: "delete" }] },
    { writes: [{ kind: "put", value: 7 }] },
  ];
  for (const one of [...wrong, ...fields.map((more) => JSON.stringify({ ...body, ...more }))]) {
    assert.equal(readBody(one), undefined, String(one).slice(0, 60));
  }
});
