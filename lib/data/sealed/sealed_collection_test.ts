import assert from "node:assert/strict";
import { randomBytes, SeededRandom } from "../../base/mod.ts";
import { selectNonceCipher } from "../../crypto/mod.ts";
import { fails as failsCall } from "../../service/testing/outcome.ts";
import type { Document } from "../engine.ts";
import { fails } from "../testing/conformance.ts";
import { DataMesh, type DataNode } from "../testing/data_mesh.ts";
import type { Transaction } from "../client/mod.ts";
import { keysCollection } from "../documents.ts";
import { openValue, sealValue } from "./sealed_value.ts";

type Bill = { id: string; euros: number; to?: string };
const SECRET = "a-secret-that-nobody-else-may-see";

async function sealedMesh() {
  const data = new DataMesh();
  const labels = [{ role: "store" }, { role: "billing" }, { role: "billing" }] as const;
  const nodes: DataNode[] = [];
  for (const [i, name] of ["store", "ann", "bob"].entries()) {
    nodes.push(await data.add(name, { labels: { ...labels[i] } }));
  }
  return { data, mesh: data.mesh, nodes: nodes as [DataNode, DataNode, DataNode] };
}

function storedText({ engine }: DataNode): Promise<string> {
  return (async () => {
    const texts = [];
    for (const { name } of await engine.collections()) {
      texts.push(JSON.stringify([await engine.list(name, { limit: 99 }), await engine.changes(name, 0, 99)]));
    }
    return texts.join();
  })();
}

Deno.test("a value opens as that of its collection, key and generation, and as nothing else", () => {
  const random = new SeededRandom(1);
  const cipher = selectNonceCipher();
  const key = { generation: 2, key: randomBytes(random, 32) };
  const keys = new Map([[2, key.key], [3, randomBytes(random, 32)]]);
  const stored = sealValue("bills", "id", { id: 7, euros: 3, note: SECRET }, key, { cipher, random });
  assert.deepEqual(openValue("bills", "id", stored, keys, cipher), { id: 7, euros: 3, note: SECRET });
  assert.ok(!JSON.stringify(stored).includes(SECRET));
  const text = stored["$sealed"] as string;
  const flipped = text[40] === "A" ? "B" : "A";
  const others: readonly (readonly [string, Document])[] = [
    ["carts", stored],
    ["bills", { ...stored, id: 8 }],
    ["bills", { ...stored, $generation: 3 }],
    ["bills", { ...stored, $generation: 4 }],
    ["bills", { ...stored, $sealed: text.slice(0, 40) + flipped + text.slice(41) }],
    ["bills", { ...stored, $sealed: text.slice(0, 20) }],
    ["bills", { id: 7, euros: 3 }],
  ];
  for (const [collection, value] of others) {
    assert.throws(
      () => openValue(collection, "id", value, keys, cipher),
      { code: "Sealed" },
      JSON.stringify(value),
    );
  }
});

Deno.test("what is sealed to a label is read and written there, and not by whoever keeps it", async () => {
  const { data, mesh, nodes: [store, ann, bob] } = await sealedMesh();
  await using _ = data;
  const options = { key: "id", seal: "role=billing" };
  const kept = await mesh.until(store.client.collection<Bill>("bills", options));
  const bills = await mesh.until(ann.client.collection<Bill>("bills", { key: "id" }));
  const same = await mesh.until(bob.client.collection<Bill>("bills", { key: "id" }));
  const watch = same.watch();
  await mesh.until(watch.ready);
  const told: unknown[] = [];
  const watching = (async () => {
    for await (const { kind, key, properties, value } of watch) {
      told.push([kind, key, properties, value]);
      if (told.length === 3) return;
    }
  })();
  await mesh.until(bills.post({ id: "1", euros: 30, to: SECRET }));
  await fails("AlreadyExists", mesh.until(bills.post({ id: "1", euros: 30 })));
  await mesh.until(same.patch("1", { euros: 31 }));
  await mesh.until(same.put({ id: "2", euros: 5 }));
  await mesh.until(ann.client.transaction(async (tx) => {
    const bill = await tx.get(bills, "2");
    await tx.put(bills, { id: "3", euros: (bill?.euros ?? 0) * 2 });
  }));
  assert.deepEqual(await mesh.until(bills.get("1")), { id: "1", euros: 31, to: SECRET });
  assert.deepEqual(await mesh.until(same.query("select sum(euros), count(*) from bills")), [
    { "sum(euros)": 46, "count(*)": 3 },
  ]);
  await mesh.until(watching);
  assert.deepEqual(told, [
    ["created", "1", { id: { new: "1" }, euros: { new: 30 }, to: { new: SECRET } }, {
      id: "1",
      euros: 30,
      to: SECRET,
    }],
    ["changed", "1", { euros: { old: 30, new: 31 } }, { id: "1", euros: 31, to: SECRET }],
    ["created", "2", { id: { new: "2" }, euros: { new: 5 } }, { id: "2", euros: 5 }],
  ]);
  assert.ok(!(await storedText(store)).includes(SECRET));
  assert.ok(!(await storedText(store)).includes("euros"));
  await fails("Sealed", mesh.until(kept.get("1")));
  await fails("Sealed", mesh.until(kept.put({ id: "4", euros: 1 })));
  assert.throws(() => bills.watch({ where: "euros > 3" }), { code: "Sealed" });
  const open = (more: object) => mesh.until(store.client.collection<Bill>("bills", { ...options, ...more }));
  await fails("InvalidCollection", open({ index: ["euros"] }));
  await fails("InvalidCollection", open({ seal: "role=other" }));
  // Who keeps it can't make a key for the others to seal with, nor put a value of its own among theirs.
  await store.engine.commit({
    reads: [],
    writes: [{ kind: "put", collection: "bills", value: { id: "2", euros: 1_000 } }],
  });
  await fails("Sealed", mesh.until(bills.get("2")));
});

Deno.test("what is sealed is sealed in transactions and in commits of messages, whatever else is written there", async () => {
  const { data, mesh, nodes: [store, ann] } = await sealedMesh();
  await using _ = data;
  for (const name of ["bills", "accounts"]) {
    await mesh.until(store.client.collection<Bill>(name, { key: "id", seal: "role=billing" }));
  }
  await mesh.until(store.client.collection<Bill>("carts", { key: "id" }));
  await mesh.until(store.client.queue("mails"));
  const opened = await Promise.all(
    ["bills", "accounts", "carts"].map((name) =>
      mesh.until(ann.client.collection<Bill>(name, { key: "id" }))
    ),
  );
  const [bills, accounts, carts] = opened as [typeof opened[0], typeof opened[0], typeof opened[0]];
  const writeBoth = async (tx: Transaction, id: string, collections: typeof opened) => {
    for (const collection of collections) await tx.put(collection, { id, euros: 1, to: SECRET });
    await tx.put(carts, { id, euros: 7 });
  };
  await mesh.until(ann.client.transaction(async (tx) => {
    await tx.put(carts, { id: "1", euros: 7 });
    await writeBoth(tx, "1", [bills]);
  }));
  for (let i = 0; i < 2; i++) {
    const result = await mesh.until(ann.client.transaction(async (tx) => {
      await writeBoth(tx, "2", [bills, accounts]);
      return `${SECRET} ${i}`;
    }, { id: "twice" }));
    assert.equal(result, `${SECRET} 0`, "what the first has given");
  }
  const mails = await mesh.until(ann.client.queue<string>("mails"));
  await mesh.until(mails.push("3"));
  const worker = mails.work((message) => message.commit((tx) => writeBoth(tx, message.value, [bills])));
  await mesh.advance(1_000);
  await mesh.until(worker.stop());
  for (const id of ["1", "2", "3"]) {
    assert.deepEqual(await mesh.until(bills.get(id)), { id, euros: 1, to: SECRET });
    assert.deepEqual((await store.engine.get("carts", [id]))[0]?.value, { id, euros: 7 });
  }
  assert.deepEqual(await mesh.until(accounts.get("2")), { id: "2", euros: 1, to: SECRET });
  assert.ok(!(await storedText(store)).includes(SECRET));
  const writes = opened.map(({ name }) => ({ kind: "delete", collection: name, key: "2" }) as const);
  const { isRepeated, result } = await store.engine.commit({ id: "twice", reads: [], writes });
  assert.equal(isRepeated, true);
  assert.ok(result !== undefined && !JSON.stringify(result).includes(SECRET));
});

Deno.test("whoever keeps what is sealed takes no clear text from programs that do not seal", async () => {
  const { data, mesh, nodes: [store, ann] } = await sealedMesh();
  await using _ = data;
  const options = { key: "id", seal: "role=billing" };
  await mesh.until(store.client.collection<Bill>("bills", options));
  await mesh.until(store.client.collection<Bill>("spread", { ...options, shards: 2 }));
  await mesh.until(store.client.collection<Bill>("carts", { key: "id" }));
  const ask = (path: string, params: unknown) => mesh.until(ann.node.runtime.request(path, params));
  const value = { id: "1", to: SECRET };
  const put = { kind: "put", collection: "bills", value };
  await failsCall("Sealed", ask("data/bills/put", { value }));
  await failsCall("Sealed", ask("data/bills/patch", { key: "1", value }));
  await failsCall("Sealed", ask("data/carts/commit", { reads: [], writes: [put] }));
  const attempt = { id: "t", attempt: "0123456789abcdefghijkl", record: { collection: "bills" } };
  await failsCall("Sealed", ask("data/bills/prepare", { ...attempt, reads: [], writes: [put] }));
  const spread = await mesh.until(ann.client.collection<Bill>("spread", { key: "id" }));
  await mesh.until(spread.put({ id: "1", euros: 1, to: SECRET }));
  assert.ok(!(await storedText(store)).includes(SECRET));
  await mesh.until(ann.client.transaction((tx) => tx.delete(spread, "1")));
});

Deno.test("when somebody has the label no more, what is written is not for that one, and what is there is sealed anew", async () => {
  const { data, mesh, nodes: [store, ann, bob] } = await sealedMesh();
  await using _ = data;
  const options = { key: "id", seal: "role=billing" };
  await mesh.until(store.client.collection<Bill>("bills", options));
  const bills = await mesh.until(ann.client.collection<Bill>("bills", { key: "id" }));
  const left = await mesh.until(bob.client.collection<Bill>("bills", { key: "id" }));
  await mesh.until(bills.put({ id: "1", euros: 1 }));
  assert.deepEqual(await mesh.until(left.get("1")), { id: "1", euros: 1 });
  const quiet = bills.watch();
  await mesh.until(quiet.ready);
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { key } of quiet) seen.push(key);
  })();
  (bob.node.options.labels as Record<string, string>)["role"] = "web";
  await mesh.advance(6_000);
  await mesh.until(bills.put({ id: "2", euros: 2 }));
  const generation = async (key: string) => (await store.engine.get("bills", [key]))[0]?.value["$generation"];
  assert.deepEqual([await generation("1"), await generation("2")], [1, 2]);
  await fails("Sealed", mesh.until(left.get("2")));
  assert.deepEqual(await mesh.until(bills.get("1")), { id: "1", euros: 1 });
  await mesh.advance(20_000);
  assert.equal(await generation("1"), 2);
  const [, second] = await store.engine.list(keysCollection("bills"), { limit: 9 });
  assert.equal(second?.value["isComplete"], true);
  // Sealing anew is no change to whoever watches.
  quiet.close();
  await mesh.until(watching);
  assert.deepEqual(seen, ["2"]);
  // Who has the label from now on reads all of it, once somebody who can has sealed it for that one, too.
  (bob.node.options.labels as Record<string, string>)["role"] = "billing";
  await mesh.advance(6_000);
  await mesh.until(bills.put({ id: "3", euros: 3 }));
  await mesh.advance(20_000);
  const back = await mesh.until(bob.client.collection<Bill>("bills", { key: "id" }));
  assert.deepEqual(await mesh.until(back.query("select sum(euros) from bills")), [{ "sum(euros)": 6 }]);
});

Deno.test("a key that was made by whoever keeps them, or by one who has the label no more, is not sealed with", async () => {
  const { data, mesh, nodes: [store, ann, bob] } = await sealedMesh();
  await using _ = data;
  await mesh.until(store.client.collection<Bill>("bills", { key: "id", seal: "role=billing" }));
  const bills = await mesh.until(ann.client.collection<Bill>("bills", { key: "id" }));
  await mesh.until(bills.put({ id: "1", euros: 1 }));
  const [first] = await store.engine.list(keysCollection("bills"), { limit: 1 });
  assert.ok(first);
  // Its own box is for others of the same readers: it opens for nobody.
  const forged = { ...first.value, generation: 2, by: "bob" };
  await store.engine.commit({
    reads: [],
    writes: [{ kind: "put", collection: keysCollection("bills"), value: forged }],
  });
  await mesh.advance(6_000);
  await mesh.until(bills.put({ id: "2", euros: 2 }));
  assert.equal((await store.engine.get("bills", ["2"]))[0]?.value["$generation"], 3);
  const other = await mesh.until(bob.client.collection<Bill>("bills", { key: "id" }));
  assert.deepEqual(await mesh.until(other.get("2")), { id: "2", euros: 2 });
});
