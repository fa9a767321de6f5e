import assert from "node:assert/strict";
import { fails } from "../testing/conformance.ts";
import { DataMesh } from "../testing/data_mesh.ts";

Deno.test("a collection with shards is read, written, listed and queried as one with one owner is", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const nodes = [];
  for (const name of ["a", "b", "c", "d"]) nodes.push(await data.add(name));
  const [a, b] = nodes as [typeof nodes[0] & object, typeof nodes[0] & object];
  const own = await mesh.until(a.client.collection("orders", { key: "id", index: ["total"], shards: 8 }));
  const far = await mesh.until(b.client.collection("orders", { key: "id" }));
  assert.equal(far.owner, "a");
  for (let id = 0; id < 100; id++) {
    await mesh.until(
      (id % 2 === 0 ? own : far).post({ id, total: id * 10, status: id % 3 === 0 ? "open" : "paid" }),
    );
  }
  const held = nodes.map(({ shards }) => shards).length;
  assert.equal(held, 4);
  assert.deepEqual(await mesh.until(far.get(7)), { id: 7, total: 70, status: "paid" });
  await fails("AlreadyExists", mesh.until(far.post({ id: 7 })));
  await mesh.until(far.patch(7, { total: 71 }));
  await mesh.until(own.delete(8));
  const keys: string[] = [];
  await mesh.until((async () => {
    for await (const { key } of far.list()) keys.push(key);
  })());
  assert.deepEqual(keys, Array.from({ length: 100 }, (_, id) => `${id}`).filter((id) => id !== "8").sort());
  assert.deepEqual(
    await mesh.until(
      far.query("select id from orders where total > 500 sort-by total descending limit 3 page 2"),
    ),
    [{ id: 96 }, { id: 95 }, { id: 94 }],
  );
  assert.deepEqual(
    await mesh.until(
      far.query("select status, count(*), avg(total) from orders group-by status sort-by status"),
    ),
    [
      { status: "open", "count(*)": 34, "avg(total)": 495 },
      { status: "paid", "count(*)": 65, "avg(total)": 501.4 },
    ],
  );
  const { count } = await mesh.until(far.describe());
  assert.equal(count, 99);
});
