import assert from "node:assert/strict";
import { DataMesh } from "../../testing/data_mesh.ts";
import { SHARDS_SERVICE } from "./place_calls.ts";

Deno.test("whose transaction it is ends its parts wherever their shards are by then", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const home = await data.add("home", { labels: { role: "home" } });
  const first = await data.add("first", { labels: { role: "data" } });
  const shards = { count: 8, over: "role=data", replicas: 0 } as const;
  const orders = await mesh.until(home.client.collection("orders", { key: "id", shards }));
  const keys = Array.from({ length: 32 }, (_, i) => `${i}`);
  /** A step of a program of the node that has owned all at first. */
  const ask = (action: string, key: string, params: object) => {
    const { runtime } = first.node;
    const fields = { collection: "orders", shard: orders.shard({ id: key }), id: key, attempt: `${key}-1` };
    const node = orders.ownerOf(key) as string;
    return mesh.until(runtime.request(`${SHARDS_SERVICE}/${action}`, { ...fields, ...params }, { node }));
  };
  for (const key of keys) {
    const put = { kind: "put", value: { id: key } };
    // A record that nobody answers for, so that nobody else ends them.
    await ask("prepare", key, { record: { collection: "none" }, reads: [], writes: [put] });
  }
  const second = await data.add("second", { labels: { role: "data" } });
  await mesh.advance(30_000);
  for (const key of keys) await mesh.until(orders.get(key).catch(() => {}));
  const moved = keys.filter((key) => orders.ownerOf(key) === second.node.id);
  assert.ok(moved.length > 0 && moved.length < keys.length, `${moved}`);
  for (const key of keys) {
    assert.deepEqual(await ask("finish", key, { outcome: "committed" }), { outcome: "committed" });
    assert.deepEqual(await mesh.until(orders.get(key)), { id: key });
  }
});
