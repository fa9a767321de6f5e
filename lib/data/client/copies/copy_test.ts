import assert from "node:assert/strict";
import { TestRights } from "../../../test_mesh/test_rights.ts";
import { fails } from "../../testing/conformance.ts";
import { DataMesh } from "../../testing/data_mesh.ts";
import type { Copy } from "../mod.ts";

type Order = { readonly id: string; readonly status: string; readonly total: number };
const order = (id: string, status: string, total: number): Order => ({ id, status, total });
const keys = (copy: Copy<Order>) => copy.list().map(({ key }) => key);

async function orders(data: DataMesh, options: { read?: string; shards?: number } = {}) {
  const [east, west] = [await data.add("east"), await data.add("west", { labels: { role: "shop" } })];
  const near = await data.mesh.until(east.client.collection<Order>("orders", { key: "id", ...options }));
  const far = await data.mesh.until(west.client.collection<Order>("orders", { key: "id" }));
  return { mesh: data.mesh, east, west, near, far };
}

/** Waits for what is known within a time. */
async function soon(data: DataMesh, isSo: () => boolean, boundMs = 10_000): Promise<void> {
  for (let ms = 0; ms < boundMs && !isSo(); ms += 20) await data.mesh.advance(20);
  assert.ok(isSo());
}

Deno.test("a copy has all entries, follows what is written, and answers at once", async () => {
  await using data = new DataMesh();
  const { mesh, near, far } = await orders(data);
  for (let i = 0; i < 30; i++) await mesh.until(near.put(order(`o${i % 20}`, i % 2 ? "paid" : "open", i)));
  const copy = await mesh.until(far.copy());
  assert.equal(copy.size, 20);
  assert.deepEqual(copy.get("o5"), order("o5", "paid", 25));
  assert.ok(Object.isFrozen(copy.get("o5")));
  assert.deepEqual(copy.list({ prefix: "o1", after: "o17" }).map(({ key }) => key), ["o18", "o19"]);
  const text = "select status, sum(total) from orders where total >= :least group-by status";
  assert.deepEqual(copy.query(text, { least: 10 }), await mesh.until(far.query(text, { least: 10 })));
  assert.deepEqual(
    copy.query(far.rows.where("total", ">", 28).select("id")),
    [{ id: "o9" }],
  );
  assert.throws(() => copy.query("select * from others"), { code: "InvalidQuery" });
  await mesh.until(near.put(order("new", "open", 1)));
  await mesh.until(near.delete("o1"));
  const { revision } = await mesh.until(far.put(order("o2", "paid", 99)));
  await mesh.until(copy.refresh());
  assert.equal(copy.get("new")?.total, 1);
  assert.equal(copy.get("o1"), undefined);
  assert.equal(copy.entry("o2")?.revision, revision, "what this program wrote is read behind `refresh`");
  copy.close();
  assert.throws(() => copy.get("o2"), /was closed/);
});

Deno.test("entries enter and leave a copy by its condition, and those that have nothing to do with it make it no older", async () => {
  await using data = new DataMesh();
  const { mesh, near, far } = await orders(data);
  await mesh.until(near.put(order("1", "open", 1)));
  await mesh.until(near.put(order("2", "paid", 2)));
  const options = { where: "status = :status", parameters: { status: "open" }, maxAgeMs: 300 };
  using copy = await mesh.until(far.copy(options));
  assert.deepEqual(keys(copy), ["1"]);
  await mesh.until(near.patch("2", { status: "open" }));
  await mesh.until(near.patch("1", { status: "paid" }));
  await mesh.until(near.put(order("3", "open", 3)));
  await mesh.until(near.delete("3"));
  await mesh.until(copy.refresh());
  assert.deepEqual(keys(copy), ["2"]);
  for (let i = 0; i < 20; i++) {
    await mesh.until(near.put(order("4", "paid", i)));
    await mesh.advance(90);
    assert.deepEqual(keys(copy), ["2"]);
  }
  await fails("InvalidQuery", mesh.until(Promise.resolve().then(() => far.copy({ where: "status =" }))));
});

Deno.test("a copy grows older while its owner is away, refuses beyond its bound, and goes on from its revision", async () => {
  await using data = new DataMesh();
  const { mesh, east, near, far } = await orders(data);
  await mesh.until(near.put(order("1", "open", 1)));
  using copy = await mesh.until(far.copy({ maxAgeMs: 3_000 }));
  await mesh.advance(20_000);
  assert.ok(copy.age <= 1_100, `${copy.age} ms`);
  mesh.crash(east.node);
  await mesh.advance(1_500);
  assert.equal(copy.get("1")?.total, 1, "it is not too old yet");
  assert.ok(copy.age >= 1_500);
  await mesh.advance(2_000);
  assert.throws(() => copy.get("1"), { code: "TooOld", retryable: true });
  await fails("OwnerAway", mesh.until(far.copy()));
  await east.engine.commit({
    reads: [],
    writes: [{ kind: "put", collection: "orders", value: order("2", "open", 2) }],
  });
  let listed = 0;
  const list = east.engine.list.bind(east.engine);
  data.restart(east);
  east.engine.list = (name, request) => {
    if (name === "orders") listed++;
    return list(name, request);
  };
  await mesh.until(copy.refresh());
  assert.deepEqual(keys(copy), ["1", "2"]);
  assert.equal(listed, 0, "nothing was read anew");
});

Deno.test("an owner that has come back from a backup has the copy filled anew, also when it is further by then", async () => {
  for (const more of [0, 5]) {
    await using data = new DataMesh();
    const { mesh, east, near, far } = await orders(data);
    await mesh.until(near.put(order("1", "open", 1)));
    const backup = await east.engine.list("orders", { limit: 9 });
    for (const id of ["2", "3"]) await mesh.until(near.put(order(id, "open", 1)));
    using copy = await mesh.until(far.copy({ maxAgeMs: 1_000 }));
    mesh.crash(east.node);
    await mesh.advance(5_000);
    // As it was then: the revisions of what was lost come again, with something else.
    const { engine } = await data.add(`spare-${more}`);
    await engine.create({ name: "orders", key: "id", index: [] });
    const put = (value: Order) =>
      engine.commit({ reads: [], writes: [{ kind: "put", collection: "orders", value }] });
    for (const { value } of backup) await put(value as Order);
    for (let i = 0; i < more; i++) await put(order(`after-${i}`, "open", i));
    (east as { open: typeof east.open }).open = () => engine;
    data.restart(east);
    await mesh.until(copy.refresh());
    assert.deepEqual(keys(copy), ["1", ...Array.from({ length: more }, (_, i) => `after-${i}`)]);
  }
});

Deno.test("a history that is too short has the copy filled anew, and none sees half of it", async () => {
  await using data = new DataMesh();
  const { mesh, east, near, far } = await orders(data);
  for (const id of ["1", "2"]) await mesh.until(near.put(order(id, "open", 0)));
  using copy = await mesh.until(far.copy({ maxAgeMs: 60_000 }));
  mesh.crash(east.node);
  // More changes than are kept.
  for (let i = 0; i < 17; i++) {
    const writes = Array.from({ length: 1_000 }, (_, n) => ({
      ...{ kind: "put", collection: "orders" } as const,
      value: order(`${n % 2 + 2}`, "open", i * 1_000 + n),
    }));
    await east.engine.commit({
      reads: [],
      writes: [{ kind: "delete", collection: "orders", key: "1" }, ...writes.slice(1)],
    });
  }
  data.restart(east);
  const seen = new Set<string>();
  await soon(data, () => {
    seen.add(keys(copy).join());
    return copy.get("1") === undefined;
  });
  assert.deepEqual([...seen], ["1,2", "2,3"]);
});

Deno.test("a program that may not read any more has an empty copy and is told why, until it may again", async () => {
  await using data = new DataMesh();
  const { mesh, west, near, far } = await orders(data, { read: "role=shop" });
  await mesh.until(near.put(order("1", "open", 1)));
  using copy = await mesh.until(far.copy({ maxAgeMs: 1_000 }));
  (west.node.options as { labels: Record<string, string> }).labels = { role: "none" };
  await mesh.advance(1_000);
  assert.throws(() => copy.get("1"), { code: "Refused" });
  assert.throws(() => copy.size, { code: "Refused" });
  (west.node.options as { labels: Record<string, string> }).labels = { role: "shop" };
  await mesh.until(near.put(order("2", "open", 2)));
  await mesh.advance(12_000);
  assert.deepEqual(keys(copy), ["1", "2"]);
});

Deno.test("a program that may read other entries than before has those, without a change of any", async () => {
  await using data = new DataMesh();
  const rights = new TestRights();
  data.mesh.rights = rights;
  const { mesh, west, near, far } = await orders(data);
  for (const id of ["eu/1", "us/1"]) await mesh.until(near.put(order(id, "open", 1)));
  using copy = await mesh.until(far.copy({ maxAgeMs: 1_000 }));
  assert.deepEqual(keys(copy), ["eu/1", "us/1"]);
  rights.set(west.node.id, { subscribe: ["data:orders/eu/>"] });
  await soon(data, () => copy.size === 1, 2_500);
  assert.deepEqual(keys(copy), ["eu/1"]);
  // What is written while it is hidden must be there when it is not hidden any more.
  await mesh.until(near.put(order("us/2", "open", 1)));
  rights.set(west.node.id, { subscribe: [">", "data:>"] });
  await soon(data, () => copy.size === 3, 2_500);
});

Deno.test("a copy of a collection with shards follows each owner", async () => {
  await using data = new DataMesh();
  const { mesh, near, far } = await orders(data, { shards: 4 });
  for (let i = 0; i < 20; i++) await mesh.until(near.put(order(`${i}`, "open", i)));
  using copy = await mesh.until(far.copy({ maxAgeMs: 2_000 }));
  assert.equal(copy.size, 20);
  await mesh.until(near.put(order("20", "open", 20)));
  await mesh.until(near.delete("3"));
  await mesh.until(copy.refresh());
  assert.equal(copy.size, 20);
  assert.deepEqual([copy.get("3"), copy.get("20")?.total], [undefined, 20]);
  assert.deepEqual(copy.query("select max(total) from orders"), [{ "max(total)": 20 }]);
  await mesh.advance(10_000);
  assert.ok(copy.age <= 2_000, `${copy.age} ms`);
});

Deno.test("a copy of a sealed collection is opened by its reader, condition and all", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const store = await data.add("store");
  const [ann, bob] = [
    await data.add("ann", { labels: { role: "billing" } }),
    await data.add("bob", { labels: { role: "billing" } }),
  ];
  const spec = { key: "id", seal: "role=billing" };
  await mesh.until(store.client.collection("orders", spec).catch(() => {}));
  const near = await mesh.until(ann.client.collection<Order>("orders", spec));
  const far = await mesh.until(bob.client.collection<Order>("orders", spec));
  await mesh.until(near.put(order("1", "open", 1)));
  await mesh.until(near.put(order("2", "paid", 2)));
  using copy = await mesh.until(far.copy({ where: "status = open" }));
  assert.deepEqual(keys(copy), ["1"]);
  await mesh.until(near.put(order("2", "open", 3)));
  await mesh.until(near.put(order("1", "paid", 3)));
  await mesh.until(copy.refresh());
  assert.deepEqual(copy.list().map(({ value }) => value), [order("2", "open", 3)]);
});

Deno.test("a copy shows entries of former versions as they are now, and chooses by that", async () => {
  await using data = new DataMesh();
  const { mesh, near } = await orders(data);
  await mesh.until(near.put(order("1", "open", 100)));
  await mesh.until(near.put(order("2", "open", 200)));
  const later = await data.add("later");
  const opened = await mesh.until(later.client.collection<Order>("orders", {
    key: "id",
    version: 2,
    migrate: (value) => ({ ...value, total: Number(value["total"]) / 100 }),
  }));
  using copy = await mesh.until(opened.copy({ where: "total >= 2" }));
  assert.deepEqual(copy.list().map(({ value }) => value), [order("2", "open", 2)]);
});

Deno.test("a copy that would have more than it may is not made, or ends and is empty", async () => {
  await using data = new DataMesh();
  const { mesh, near, far } = await orders(data);
  for (let i = 0; i < 10; i++) await mesh.until(near.put(order(`${i}`, "open", i)));
  await fails("TooLarge", mesh.until(far.copy({ maxRows: 9 })));
  await fails("TooLarge", mesh.until(far.copy({ maxBytes: 500 })));
  using copy = await mesh.until(far.copy({ maxRows: 10 }));
  await mesh.until(near.put(order("10", "open", 10)));
  await mesh.advance(1_000);
  assert.throws(() => copy.get("1"), { code: "TooLarge" });
  await fails("TooLarge", mesh.until(copy.refresh()));
});
