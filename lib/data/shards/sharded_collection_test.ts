import assert from "node:assert/strict";
import { ALL_RIGHTS } from "../../test_mesh/mod.ts";
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

Deno.test("a watch tells of all shards, and goes on from a position that is one of each", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [a, b] = [await data.add("a"), await data.add("b")];
  await mesh.until(a.client.collection("orders", { key: "id", shards: 4 }));
  const orders = await mesh.until(b.client.collection("orders", { key: "id" }));
  const watch = orders.watch({ where: "total > 5" });
  await mesh.until(watch.ready);
  for (let id = 0; id < 40; id++) await mesh.until(orders.put({ id, total: id % 10 }));
  const read = (watch: ReturnType<typeof orders.watch>, count: number) =>
    mesh.until((async () => {
      const told: { key: string; position: string }[] = [];
      for await (const { key, position } of watch) {
        told.push({ key, position });
        if (told.length === count) return told;
      }
      return told;
    })());
  const first = await read(watch, 7);
  const rest = await read(orders.watch({ where: "total > 5", after: first.at(-1)?.position ?? "" }), 9);
  const expected = Array.from({ length: 40 }, (_, id) => id).filter((id) => id % 10 > 5).map(String);
  assert.deepEqual([...first, ...rest].map(({ key }) => key).sort(), expected.sort());
  const all = await read(orders.watch({ after: 0 }), 40);
  assert.equal(new Set(all.map(({ key }) => key)).size, 40);
  assert.throws(() => orders.watch({ after: 7 }), /can't begin/);
});

Deno.test("a transaction is over one shard or several, and collections of other owners, and happens once", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [a, b] = [await data.add("a"), await data.add("b")];
  await mesh.until(a.client.collection("orders", { key: "id", shards: 8 }));
  const orders = await mesh.until(b.client.collection("orders", { key: "id" }));
  const carts = await mesh.until(b.client.collection("carts", { key: "id" }));
  const move = () =>
    b.client.transaction(async (tx) => {
      const cart = await tx.get(orders, "{ann}/cart");
      await tx.put(orders, { id: "{ann}/order", of: cart ?? null });
      tx.delete(orders, "{ann}/cart");
    }, { id: "order-1" });
  await mesh.until(orders.put({ id: "{ann}/cart", tea: 1 }));
  await mesh.until(move());
  await mesh.until(move());
  assert.deepEqual(await mesh.until(orders.get("{ann}/order")), {
    id: "{ann}/order",
    of: { id: "{ann}/cart", tea: 1 },
  });
  assert.equal(await mesh.until(b.client.transactionState("order-1", "orders")), "committed");
  const states: string[] = [];
  const fill = (id: string) =>
    b.client.transaction(async (tx) => {
      const first = await tx.get(orders, 0);
      for (let id = 0; id < 20; id++) await tx.put(orders, { id, n: Number(first?.["n"] ?? 0) + 1 });
      await tx.post(carts, { id });
      return id;
    }, { id, onState: (state) => void states.push(state) });
  assert.equal(await mesh.until(fill("fill-1")), "fill-1");
  assert.equal(await mesh.until(fill("fill-1")), "fill-1");
  assert.deepEqual(states.slice(0, 4), ["created", "running", "queued", "committed"]);
  for (let id = 0; id < 20; id++) assert.deepEqual(await mesh.until(orders.get(id)), { id, n: 1 });
  assert.deepEqual(await mesh.until(carts.get("fill-1")), { id: "fill-1" });
  assert.equal(await mesh.until(b.client.transactionState("fill-1", "orders")), "committed");
  // What one of them refuses, none of them has.
  await fails(
    "AlreadyExists",
    mesh.until(b.client.transaction(async (tx) => {
      for (let id = 0; id < 20; id++) await tx.put(orders, { id, n: 9 });
      await tx.post(carts, { id: "fill-1" });
    }, { id: "fill-2" })),
  );
  for (let id = 0; id < 20; id++) assert.deepEqual(await mesh.until(orders.get(id)), { id, n: 1 });
  assert.equal(await mesh.until(b.client.transactionState("fill-2", "orders")), "rolled-back");
  for (const { engine } of [a, b]) assert.deepEqual(await engine.prepared.places(), []);
});

Deno.test("rights of keys, selectors and the home's path hold at each shard, whoever is asked", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const isOpen = (peer: string, topic: string) => peer !== "west" || topic.startsWith("data:tea/green/");
  mesh.rights = {
    ...ALL_RIGHTS,
    mayOffer: (peer) => peer === "east",
    mayPublish: (peer, topic) => isOpen(peer, topic.toString()),
    maySubscribe: (peer, pattern) => isOpen(peer, pattern.toString()),
  };
  const [east, west] = [await data.add("east", { labels: { role: "data" } }), await data.add("west")];
  const shards = { count: 4, over: "role=data" };
  const own = await mesh.until(east.client.collection("tea", { key: "id", shards }));
  const far = await mesh.until(west.client.collection("tea", { key: "id" }));
  for (const id of ["green/1", "green/2", "black/1"]) await mesh.until(own.put({ id, price: 3 }));
  await fails("Refused", mesh.until(far.get("black/1")));
  await fails("Refused", mesh.until(far.put({ id: "black/2" })));
  await mesh.until(far.put({ id: "green/3", price: 4 }));
  assert.deepEqual(await mesh.until(far.query("select count(*), sum(price) from tea")), [
    { "count(*)": 3, "sum(price)": 10 },
  ]);
  const closed = { count: 2, over: "role=data" };
  await mesh.until(
    east.client.collection("closed", { key: "id", read: "role=data", write: "role=data", shards: closed }),
  );
  const shut = await mesh.until(west.client.collection("closed", { key: "id" }));
  await fails("Refused", mesh.until(shut.put({ id: 1 })));
  await fails("Refused", mesh.until(shut.get(1)));
  // Who is not the home decides nothing, and who is not the owner has nobody follow.
  const ask = (action: string, params: unknown) =>
    mesh.until(west.node.runtime.request(`$shards/${action}`, params, { node: "east", retries: 0 }));
  const { layout } = await mesh.until(west.node.runtime.request("data/tea/describe")) as { layout: object };
  const stolen = { ...layout, version: 99, home: "west" };
  for (
    const [action, params] of [
      ["apply", { layout: stolen, released: [] }],
      ["keep", { layout: stolen }],
      ["promise", { collection: "tea", generation: 9 }],
      ["forget", { collection: "tea", generation: 9 }],
      ["status", { collection: "tea" }],
    ] as const
  ) {
    await assert.rejects(ask(action, params), { code: "Refused" }, action);
  }
  const push = {
    collection: "tea",
    shard: 0,
    term: 1,
    starts: [],
    after: 0,
    position: 9,
    changes: [],
    commits: [],
  };
  assert.deepEqual(await ask("push", push), { kind: "unknown" });
  assert.deepEqual(await ask("make", { ...push, step: "end" }), { ok: false });
  // A key is written where it belongs, and nowhere else.
  const wrong = [0, 1, 2, 3].map((shard) =>
    ask("put", { collection: "tea", shard, value: { id: "green/9" } })
  );
  const outcomes = await Promise.allSettled(wrong);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("a cached read is answered by one that follows, no older than it may be", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const nodes = [];
  for (const name of ["home", "a", "b"]) {
    nodes.push(await data.add(name, { labels: { role: name === "home" ? "x" : "data" } }));
  }
  const [home] = nodes as [typeof nodes[0] & object];
  const shards = { count: 1, over: "role=data", replicas: 1 };
  const items = await mesh.until(home.client.collection("items", { key: "id", shards }));
  await mesh.until(items.put({ id: 1, n: 1 }));
  await mesh.advance(2_000);
  let asked = 0;
  mesh.watch = (from) => {
    if (from === home.node.id) asked++;
  };
  const owner = nodes.find(({ node }) => node.id === items.ownerOf(1));
  assert.ok(owner);
  mesh.part(home.node, owner.node);
  const entry = await mesh.until(items.entry(1, { read: "cached", maxAgeMs: 2_000 }));
  assert.deepEqual(entry?.value, { id: 1, n: 1 });
  assert.ok(entry.ageMs <= 2_000 && asked > 0, `${entry.ageMs}`);
  // One that has not heard of its owner for longer than that does not answer.
  const follower = nodes.find((one) => one !== owner && one !== home);
  assert.ok(follower);
  mesh.part(owner.node, follower.node);
  await mesh.advance(3_000);
  const params = { collection: "items", shard: 0, key: "1", maxAgeMs: 2_000 };
  const ask = home.node.runtime.request("$shards/cached", params, { node: follower.node.id, retries: 0 });
  await assert.rejects(mesh.until(ask), { code: "Moved" });
});

Deno.test("when its home is removed, the next one that opens a collection takes it over as it is", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [home, a, b] = [await data.add("home"), await data.add("a"), await data.add("b")];
  let path = "home";
  mesh.rights = {
    ...ALL_RIGHTS,
    mayOffer: (peer) => peer === path,
    claim: (peer) => Promise.resolve(peer === path ? "granted" : "refused"),
  };
  const items = await mesh.until(
    home.client.collection("items", { key: "id", shards: { count: 4, replicas: 1 } }),
  );
  for (let id = 0; id < 20; id++) await mesh.until(items.put({ id }));
  data.crash(home);
  await mesh.advance(15_000);
  path = "a";
  for (const { node } of [a, b]) node.runtime.setAdverts(home.node.id, []);
  const taken = await mesh.until(a.client.collection("items", { key: "id" }), 60_000);
  assert.equal(taken.owner, "a");
  await mesh.advance(20_000);
  const far = await mesh.until(b.client.collection("items", { key: "id" }));
  for (let id = 0; id < 20; id++) assert.deepEqual(await mesh.until(far.get(id)), { id });
  // The first one, when it comes back, decides nothing.
  data.restart(home);
  await mesh.advance(10_000);
  await mesh.until(far.put({ id: 99 }));
  const { layout } = await mesh.until(b.node.runtime.request("data/items/describe")) as {
    layout: { home: string; generation: number };
  };
  assert.deepEqual([layout.home, layout.generation], ["a", 2]);
});

Deno.test("a collection that nobody can hold, or that is malformed, is not spread", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const a = await data.add("a");
  const open = (shards: unknown) =>
    mesh.until(a.client.collection("items", { key: "id", shards: shards as number }), 60_000);
  for (const shards of [0, 65, 1.5, { count: 2, replicas: 5 }, { count: 2, durability: "never" }]) {
    await fails("InvalidCollection", open(shards));
  }
  await fails("OwnerAway", open({ count: 2, over: "role=data" }));
  await open(2);
  assert.equal(await mesh.until(a.client.drop("items")), true);
  await mesh.until(a.client.collection("items", { key: "id" }));
});
