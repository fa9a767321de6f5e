import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MAX_KEPT_IDS, MAX_PREPARED_BYTES } from "../../bounds.ts";
import type { Write } from "../../engine.ts";
import { readBody } from "../../transaction_body.ts";
import { FORGET_EACH } from "../commit_writer.ts";
import { openMemory, openSample } from "../../testing/embedded_sample.ts";
import { part, testTransactionStore } from "../../testing/transaction_conformance.ts";

const SPEC = { name: "orders", key: "id", index: [] };

function put(id: string | number, more: object = {}): Write {
  return { kind: "put", collection: "orders", value: { id, ...more } };
}

testTransactionStore("embedded engine", () => {
  const open = openMemory({});
  return Promise.resolve({
    open: () => Promise.resolve(open()),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
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
