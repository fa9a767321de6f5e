import assert from "node:assert/strict";
import * as z from "zod";
import { parameter } from "../../query/mod.ts";
import { DataMesh } from "../testing/data_mesh.ts";
import { fails } from "../testing/conformance.ts";
import type { WatchedChange } from "./watch.ts";

const Order = z.object({
  id: z.number(),
  status: z.enum(["open", "paid"]),
  total: z.number().min(0).default(0),
});
type Order = z.infer<typeof Order>;
const OPTIONS = { schema: Order, key: "id", index: ["status"] } as const;

Deno.test("a collection is used from its owner, from another node and from attached programs alike", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const program = data.clientOf(mesh.attach(west.node));
  const own = data.clientOf(mesh.attach(east.node));
  const clients = [east.client, west.client, program, own];
  for (const [i, client] of clients.entries()) {
    const orders = await mesh.until(client.collection<Order>("orders", OPTIONS));
    assert.equal(orders.owner, "east", "the first that asks owns it");
    const { revision } = await mesh.until(orders.post({ id: i, status: "open", total: 10 * i }));
    assert.deepEqual(await mesh.until(orders.entry(i)), {
      key: `${i}`,
      value: { id: i, status: "open", total: 10 * i },
      revision,
      ageMs: 0,
    });
    await fails("AlreadyExists", mesh.until(orders.post({ id: i, status: "open", total: 0 })));
    await fails("Conflict", mesh.until(orders.patch(i, { status: "paid" }, { ifRevision: revision + 1 })));
    const patched = await mesh.until(orders.patch(i, { status: "paid" }, { ifRevision: revision }));
    assert.ok(patched.revision > revision);
    await fails(
      "Conflict",
      mesh.until(orders.put({ id: i, status: "open", total: 1 }, { ifRevision: revision })),
    );
    assert.equal(await mesh.until(orders.get(99)), undefined);
    await fails("NotFound", mesh.until(orders.patch(99, { status: "paid" })));
    const rows = await mesh.until(
      orders.query("select id, total from orders where status = paid sort-by id"),
    );
    assert.deepEqual(rows, Array.from({ length: i + 1 }, (_, id) => ({ id, total: 10 * id })));
    await fails("InvalidQuery", mesh.until(orders.query("select id frm orders")));
    await fails("InvalidQuery", mesh.until(orders.query("select * from others")));
    const keys: string[] = [];
    for await (const { key } of orders.list()) keys.push(key);
    assert.deepEqual(keys, Array.from({ length: i + 1 }, (_, id) => `${id}`));
  }
  const orders = await mesh.until(program.collection<Order>("orders", OPTIONS));
  assert.notEqual((await mesh.until(orders.delete(0))).revision, 0);
  assert.equal((await mesh.until(orders.delete(0))).revision, 0);
  await fails("InvalidCollection", mesh.until(west.client.collection("orders", { key: "number" })));
  await fails("InvalidCollection", mesh.until(east.client.collection("orders", { key: "number" })));
});

Deno.test("what the schema does not allow is not written, by put, post, patch or transaction", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const { client } = await data.add("east");
  const orders = await mesh.until(client.collection<Order>("orders", OPTIONS));
  await mesh.until(orders.put({ id: 1, status: "open" } as Order));
  assert.equal((await mesh.until(orders.get(1)))?.total, 0, "the schema has completed it");
  const wrong = { id: 1, status: "lost", total: 1 } as unknown as Order;
  assert.match((await fails("InvalidValue", mesh.until(orders.put(wrong)))).message, /status/);
  await fails("InvalidValue", mesh.until(orders.post({ ...wrong, id: 2 })));
  await fails("InvalidValue", mesh.until(orders.patch(1, { total: -1 })));
  await fails("InvalidValue", mesh.until(orders.patch(1, { id: 2 })));
  await fails("InvalidValue", mesh.until(client.transaction((tx) => tx.put(orders, wrong))));
  await fails("InvalidValue", mesh.until(client.transaction((tx) => tx.patch(orders, 1, { total: -1 }))));
  assert.deepEqual(await mesh.until(orders.get(1)), { id: 1, status: "open", total: 0 });
});

Deno.test("patches of several programs with a schema lose nothing", async () => {
  await using data = new DataMesh(3);
  const { mesh } = data;
  const nodes = [await data.add("a"), await data.add("b"), await data.add("c")];
  const Count = z.object({ id: z.string(), a: z.number(), b: z.number(), c: z.number() });
  const opened = [];
  for (const { client } of nodes) {
    opened.push(
      await mesh.until(client.collection<z.infer<typeof Count>>("counts", { key: "id", schema: Count })),
    );
  }
  await mesh.until(opened[0]?.put({ id: "x", a: 0, b: 0, c: 0 }) ?? Promise.reject());
  const work = opened.map(async (counts, i) => {
    const name = ["a", "b", "c"][i] as "a";
    for (let n = 1; n <= 10; n++) await counts.patch("x", { [name]: n });
  });
  await mesh.until(Promise.all(work));
  assert.deepEqual(await mesh.until(opened[0]?.get("x") ?? Promise.reject()), {
    id: "x",
    a: 10,
    b: 10,
    c: 10,
  });
});

Deno.test("a cached read is no older than it may be, and follows what this program writes", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  const near = await mesh.until(east.client.collection("orders", { key: "id" }));
  await mesh.until(far.put({ id: 1, n: 1 }));
  const cached = async () => {
    const entry = await mesh.until(near.entry(1, { read: "cached", maxAgeMs: 500 }));
    return [entry?.value["n"], entry?.ageMs];
  };
  assert.deepEqual(await cached(), [1, 0]);
  await mesh.until(far.put({ id: 1, n: 2 }));
  await mesh.advance(400);
  assert.deepEqual(await cached(), [1, 400]);
  assert.equal((await mesh.until(near.get(1)))?.["n"], 2, "a fresh read is of now");
  await mesh.until(far.put({ id: 1, n: 3 }));
  await mesh.advance(501);
  assert.deepEqual(await cached(), [3, 0]);
  await mesh.until(near.put({ id: 1, n: 4 }));
  assert.deepEqual(await cached(), [4, 0]);
});

Deno.test("a watch tells which properties have changed, of what its condition means, and goes on from a revision", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const orders = await mesh.until(east.client.collection("orders", { key: "id" }));
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  const watch = far.watch({ where: "status = :status", parameters: { status: "open" } });
  await mesh.until(watch.ready);
  const told = read(watch, 4);
  await mesh.until(orders.put({ id: 1, status: "open", total: 1 }));
  await mesh.until(orders.put({ id: 2, status: "paid" }));
  await mesh.until(orders.patch(1, { total: 2 }));
  await mesh.until(orders.patch(1, { status: "paid" }));
  await mesh.until(orders.patch(1, { total: 3 }));
  await mesh.until(orders.put({ id: 3, status: "open" }));
  const changes = await mesh.until(told);
  assert.deepEqual(changes.map(({ key, kind, properties }) => [key, kind, properties]), [
    ["1", "created", { id: { new: 1 }, status: { new: "open" }, total: { new: 1 } }],
    ["1", "changed", { total: { old: 1, new: 2 } }],
    ["1", "changed", { status: { old: "open", new: "paid" } }],
    ["3", "created", { id: { new: 3 }, status: { new: "open" } }],
  ]);
  const again = far.watch({ after: changes[1]?.revision ?? 0 });
  assert.deepEqual((await mesh.until(read(again, 3))).map(({ key }) => key), ["1", "1", "3"]);
  await fails("InvalidQuery", mesh.until(far.watch({ where: "status = " }).ready));
  // Watches that are over are counted no more.
  for (let i = 0; i < 70; i++) {
    const one = far.watch();
    await mesh.until(one.ready);
    one.close();
    await mesh.advance(1);
  }
});

Deno.test("a watch goes on when its owner has crashed and come back, and misses nothing", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const orders = await mesh.until(east.client.collection("orders", { key: "id" }));
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  const watch = far.watch();
  await mesh.until(watch.ready);
  const told = read(watch, 3);
  await mesh.until(orders.put({ id: 1 }));
  mesh.crash(east.node);
  await fails("OwnerAway", mesh.until(far.get(1)));
  await east.engine.commit({ reads: [], writes: [{ kind: "put", collection: "orders", value: { id: 2 } }] });
  await mesh.advance(1_000);
  data.restart(east);
  await mesh.until(far.put({ id: 3 }));
  assert.deepEqual((await mesh.until(told)).map(({ key }) => key), ["1", "2", "3"]);
});

Deno.test("a watch that nobody reads is dropped after a minute, and goes on from its revision", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const orders = await mesh.until(east.client.collection("orders", { key: "id" }));
  const far = await mesh.until(west.client.collection("orders", { key: "id" }));
  const watch = far.watch();
  await mesh.until(watch.ready);
  const changes = watch[Symbol.asyncIterator]();
  // More than a link holds on the way.
  const text = "x".repeat(200_000);
  for (let id = 1; id <= 40; id++) await mesh.until(orders.put({ id, text }));
  await mesh.advance(61_000);
  const keys: string[] = [];
  const rest = async () => {
    for (;;) keys.push((await changes.next()).value.key);
  };
  const { revision } = await fails("WatchTooSlow", mesh.until(rest()));
  assert.ok(keys.length < 40, `${keys.length} were on the way`);
  for (const { key } of await mesh.until(read(far.watch({ after: revision ?? 0 }), 40 - keys.length))) {
    keys.push(key);
  }
  assert.deepEqual(keys, Array.from({ length: 40 }, (_, i) => `${i + 1}`));
});

async function read<Value>(watch: AsyncIterable<Value>, count: number): Promise<(Value & WatchedChange)[]> {
  const changes: (Value & WatchedChange)[] = [];
  for await (const change of watch) if (changes.push(change as Value & WatchedChange) === count) break;
  return changes;
}

Deno.test("a query that was built answers as its text does, with the types of its rows", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const { client } = await data.add("east");
  const orders = await mesh.until(client.collection<Order>("orders", OPTIONS));
  for (let id = 1; id <= 5; id++) {
    await mesh.until(orders.post({ id, status: id % 2 === 0 ? "paid" : "open", total: 10 * id }));
  }
  const built = orders.rows.where("status", "=", "open").where("total", ">", parameter("least"))
    .select("id", "total").sortBy("total", "descending");
  const found: readonly { id: number; total: number }[] = await mesh.until(
    orders.query(built, { least: 10 }),
  );
  assert.deepEqual(found, [{ id: 5, total: 50 }, { id: 3, total: 30 }]);
  const counted = await mesh.until(
    orders.query(orders.rows.select("status", "count(*)").groupBy("status").sortBy("status")),
  );
  assert.deepEqual(counted, [{ status: "open", "count(*)": 3 }, { status: "paid", "count(*)": 2 }]);
});

Deno.test("a watch that has heard more than its owner has, since that came back from a backup, says so and waits for nothing", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const own = await mesh.until(east.client.collection("tea", { key: "id" }));
  const far = await mesh.until(west.client.collection("tea", { key: "id" }));
  const { revision } = await mesh.until(own.put({ id: "1" }));
  const next = far.watch({ after: revision })[Symbol.asyncIterator]().next();
  await mesh.until(own.put({ id: "2" }));
  assert.equal((await mesh.until(next)).value?.key, "2");
  const ahead = far.watch({ after: revision + 2 });
  await fails("Compacted", mesh.until(ahead.ready));
  await fails("Compacted", mesh.until(ahead[Symbol.asyncIterator]().next()));
});
