import assert from "node:assert/strict";
import { DataMesh, type DataNode } from "../testing/data_mesh.ts";
import { readLayout, type ShardLayout } from "./mod.ts";

async function layoutOf(data: DataMesh, home: DataNode): Promise<ShardLayout> {
  const state = await data.mesh.until(home.node.runtime.request("data/items/describe")) as {
    layout: unknown;
  };
  const layout = readLayout(state.layout);
  assert.ok(layout);
  return layout;
}

async function spread(names: readonly string[], shards: { count: number; replicas: number }) {
  const data = new DataMesh();
  const nodes: DataNode[] = [];
  for (const name of names) {
    nodes.push(await data.add(name, { labels: { role: name === "home" ? "home" : "data" } }));
  }
  const [home] = nodes as [DataNode];
  const items = await data.mesh.until(
    home.client.collection("items", { key: "id", shards: { ...shards, over: "role=data" } }),
  );
  return { data, nodes, home, items };
}

Deno.test("when an owner is gone, one that follows takes over with all that was answered", async () => {
  const { data, nodes, home, items } = await spread(["home", "a", "b", "c"], { count: 1, replicas: 1 });
  await using _ = data;
  const { mesh } = data;
  for (let id = 0; id < 20; id++) await mesh.until(items.put({ id }));
  const [record] = (await layoutOf(data, home)).shards;
  assert.equal(record?.inSync.length, 2);
  const owner = nodes.find(({ node }) => node.id === record?.owner) as DataNode;
  data.crash(owner);
  const begun = mesh.clock.now();
  // It waits until somebody else is the owner.
  await mesh.until(items.put({ id: 20 }));
  const tookMs = mesh.clock.now() - begun;
  assert.ok(tookMs < 10_000, `${tookMs}`);
  for (let id = 0; id < 20; id++) assert.deepEqual(await mesh.until(items.get(id)), { id });
  const [after] = (await layoutOf(data, home)).shards;
  assert.notEqual(after?.owner, record?.owner);
  assert.equal(after?.term, 2);
  // The third is made into one that follows, and the first one, when it is back, too, with nothing of its own.
  data.restart(owner);
  await mesh.advance(30_000);
  const [last] = (await layoutOf(data, home)).shards;
  assert.equal(last?.inSync.length, 2);
  for (let id = 0; id < 20; id++) assert.deepEqual(await mesh.until(items.get(id)), { id });
});

Deno.test("shards move to a member that comes, and no write waits for long", async () => {
  const { data, nodes, home, items } = await spread(["home", "a"], { count: 4, replicas: 0 });
  await using _ = data;
  const { mesh } = data;
  let isOver = false;
  let longestMs = 0;
  const written = new Map<number, number>();
  const writers = [0, 1, 2].map(async (lane) => {
    for (let n = 0; !isOver; n++) {
      const id = lane * 1_000_000 + n % 50;
      const begun = mesh.clock.now();
      await items.put({ id, n });
      longestMs = Math.max(longestMs, mesh.clock.now() - begun);
      written.set(id, n);
      await mesh.sleep(40);
    }
  });
  await mesh.advance(1_000);
  for (const name of ["b", "c"]) nodes.push(await data.add(name, { labels: { role: "data" } }));
  await mesh.advance(20_000);
  isOver = true;
  await mesh.until(Promise.all(writers));
  const { shards } = await layoutOf(data, home);
  const owners = new Set(shards.map(({ owner }) => owner));
  assert.ok(owners.size > 1, JSON.stringify(shards));
  assert.ok(
    shards.every(({ inSync, joining }) => inSync.length === 1 && joining.length === 0),
    JSON.stringify(shards),
  );
  for (const [id, n] of written) assert.deepEqual(await mesh.until(items.get(id)), { id, n });
  assert.ok(longestMs <= 1_500, `${longestMs}`);
});

Deno.test("an owner that is cut off from all who follow answers nothing, while another one does", async () => {
  const { data, nodes, home, items } = await spread(["home", "a", "b"], { count: 1, replicas: 1 });
  await using _ = data;
  const { mesh } = data;
  await mesh.until(items.put({ id: 1, n: 1 }));
  await mesh.advance(2_000);
  const owner = nodes.find(({ node }) => node.id === items.ownerOf(1)) as DataNode;
  const own = await mesh.until(owner.client.collection("items", { key: "id" }));
  assert.deepEqual(await mesh.until(own.get(1)), { id: 1, n: 1 });
  for (const other of nodes) if (other !== owner) mesh.part(owner.node, other.node);
  await mesh.advance(500);
  const unheard = own.put({ id: 1, n: 9 }, { id: "unheard" }).then(() => "answered", ({ code }) => code);
  await mesh.advance(10_000);
  await mesh.until(items.put({ id: 1, n: 2 }));
  // Neither what was written before, nor what nobody has followed.
  await assert.rejects(mesh.until(own.get(1)), { code: "OwnerAway" });
  assert.ok(["OutcomeUnknown", "OwnerAway"].includes(await mesh.until(unheard)));
  for (const other of nodes) if (other !== owner) mesh.part(owner.node, other.node, false);
  assert.deepEqual(await mesh.until(own.get(1)), { id: 1, n: 2 });
  await mesh.advance(20_000);
  // What it had for itself is gone, and nobody finds it when it is the owner again.
  const [record] = (await layoutOf(data, home)).shards;
  assert.equal(record?.inSync.length, 2);
  assert.deepEqual(await mesh.until(own.get(1)), { id: 1, n: 2 });
});
