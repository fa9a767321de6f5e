import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { parseQuery } from "../../query/mod.ts";
import { DATA_SCHEMA, EmbeddedEngine } from "./mod.ts";
import { openSample } from "../testing/embedded_sample.ts";
import { testEngine } from "../testing/conformance.ts";

testEngine("embedded engine", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  return {
    open: () => Promise.resolve(openSample(`${folder}/data.db`)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

Deno.test("no limit that is bound stands alone: SQLite would prepare the statement anew each time", async () => {
  const statements: string[] = [];
  const database = new DatabaseSync(":memory:");
  database.exec(DATA_SCHEMA);
  const prepare = database.prepare.bind(database);
  database.prepare = (text) => {
    statements.push(text);
    return prepare(text);
  };
  const now = () => 1;
  const engine = new EmbeddedEngine({ database, wall: now, now, afterTurn: (fire) => queueMicrotask(fire) });
  await engine.create({ name: "orders", key: "id", index: [] });
  for (const text of ["select id from orders limit 2 page 1", "select count(*) from orders group-by id"]) {
    await engine.query("orders", parseQuery(text));
    await engine.partialQuery("orders", parseQuery(text));
  }
  await engine.close();
  assert.ok(statements.filter((text) => /LIMIT/.test(text)).length > 5);
  assert.deepEqual(statements.filter((text) => /LIMIT \?\d*\s*(?!\s|\+|\d)/.test(text)), []);
});

Deno.test("changes() gives the last change, all behind a revision, and as many as are asked for", async () => {
  const engine = openSample();
  await engine.create({ name: "orders", key: "id", index: [] });
  const revisions: number[] = [];
  for (const id of ["a", "b", "c"]) {
    const write = { kind: "put", collection: "orders", value: { id } } as const;
    revisions.push(...(await engine.commit({ reads: [], writes: [write] })).revisions);
  }
  const keys = async (after: number, limit: number) =>
    (await engine.changes("orders", after, limit)).map(({ key }) => key);
  assert.deepEqual(await keys(0, 10), ["a", "b", "c"]);
  assert.deepEqual(await keys(0, 2), ["a", "b"]);
  assert.deepEqual(await keys(0, 1), ["a"]);
  assert.deepEqual(await keys(revisions[1] ?? 0, 10), ["c"]);
  assert.deepEqual(await keys(revisions[2] ?? 0, 10), []);
  await engine.close();
});
