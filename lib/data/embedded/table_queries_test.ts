import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { parseQuery } from "../../query/mod.ts";
import { fails } from "../testing/conformance.ts";
import { openSample } from "../testing/embedded_sample.ts";
import { DATA_SCHEMA } from "./embedded_engine.ts";

/** An engine, and the statements of queries that it has prepared. */
function counted() {
  const database = new DatabaseSync(":memory:");
  database.exec(DATA_SCHEMA);
  const prepared: string[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = (sql: string) => {
    if (sql.includes("weft_sees")) prepared.push(sql);
    return prepare(sql);
  };
  return { engine: openSample(":memory:", { database }), prepared };
}

Deno.test("a query is prepared once, whoever asks, and answers what is there now", async () => {
  const { engine, prepared } = counted();
  const put = (id: string, total: number, text = "") =>
    engine.commit({
      reads: [],
      writes: [{ kind: "put", collection: "orders", value: { id, total, text } }],
    });
  await engine.create({ name: "orders", key: "id", index: [] });
  for (const id of ["a", "b", "c"]) await put(id, 1);
  const query = parseQuery("select id from orders where total > 0");
  const ids = async (isVisible?: (key: string) => boolean) =>
    (await engine.query("orders", query, {}, isVisible && { isVisible })).map((row) =>
      (row as { id: string }).id
    );
  assert.deepEqual(await ids(), ["a", "b", "c"]);
  assert.deepEqual(await ids((key) => key !== "b"), ["a", "c"], "rights are not those of who asked before");
  await put("d", 1);
  assert.deepEqual(await ids(), ["a", "b", "c", "d"]);
  assert.equal(prepared.length, 1);
  await engine.create({ name: "orders", key: "id", index: ["total"] });
  assert.deepEqual(await ids(), ["a", "b", "c", "d"]);
  assert.equal(prepared.length, 2, "with an index it is another statement");
  // One that was broken off begins anew.
  const all = parseQuery("select * from orders");
  for (const id of ["a", "b", "c", "d", "e"]) await put(id, 1, "x".repeat(200_000));
  for (let i = 0; i < 3; i++) await fails("TooLarge", engine.query("orders", all));
  for (const id of ["b", "c", "d"]) await put(id, 1);
  assert.equal((await engine.query("orders", all)).length, 5);
  const where = parseQuery("select id from orders where id = :id");
  for (const id of ["a", "e"]) assert.deepEqual(await engine.query("orders", where, { id }), [{ id }]);
  for (let i = 0; i < 200; i++) {
    await engine.query("orders", parseQuery(`select id from orders where total > ${i} limit ${i + 1}`));
  }
  assert.equal(await engine.drop("orders"), true);
  await engine.create({ name: "orders", key: "id", index: [] });
  assert.deepEqual(await ids(), []);
  await engine.close();
});
