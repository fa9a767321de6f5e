import assert from "node:assert/strict";
import { TestMesh } from "./mod.ts";

Deno.test("collections and queues of a test are used from every node, by virtual time, and outlive a crash of their owner", async () => {
  await using mesh = new TestMesh({ seed: 7 });
  const [shop, store] = await mesh.addNodes("shop", "store");
  const orders = await store.collection<{ id: number; status: string }>("orders", { key: "id" });
  await store.queue("mails", { backoffMs: 60_000 });
  const far = await shop.collection<{ id: number; status: string }>("orders", { key: "id" });
  assert.equal(far.owner, "store");
  await far.put({ id: 1, status: "open" });
  await shop.transaction(async (tx) => {
    const order = await tx.get(far, 1);
    if (order !== undefined) await tx.put(far, { ...order, status: "paid" });
  }, { id: "pay-1" });
  assert.deepEqual(await orders.get(1), { id: 1, status: "paid" });
  assert.equal(await shop.transactionState("pay-1", "orders"), "committed");

  const mails = await shop.queue<string>("mails");
  const attempts: number[] = [];
  const worker = mails.work((message) => {
    attempts.push(mesh.nowMs);
    if (message.value === "a" && message.attempt === 1) throw new Error("the post is closed");
  });
  await mails.push("a");
  await mails.push("b", { delayMs: 3_600_000 });
  await mesh.settle();
  assert.deepEqual(attempts, [0]);
  mesh.crash(store);
  await mesh.restart(store);
  assert.deepEqual(await mesh.until(far.get(1)), { id: 1, status: "paid" });
  await mesh.advance(65_000);
  assert.equal(attempts.length, 2);
  await mesh.advance(3_600_000);
  assert.equal(attempts.length, 3);
  await mesh.until(worker.stop());
  await mesh.until(store.stop());
  await mesh.restart(store);
  assert.deepEqual(await mesh.until(far.get(1)), { id: 1, status: "paid" });

  const program = await mesh.attach(shop);
  const own = await program.queue<string>("mails");
  assert.equal((await mesh.until(own.describe())).waiting, 0);
  await program.stop();
});

Deno.test("of two nodes of a test that open a queue before they hear of each other one owns it", async () => {
  await using mesh = new TestMesh({ advertDelayMs: 500 });
  const [shop, store] = await mesh.addNodes("shop", "store");
  const [one, other] = await mesh.until(
    Promise.all([shop.queue<number>("mails"), store.queue<number>("mails")]),
  );
  assert.equal(one.owner, other.owner);
  await mesh.until(one.push(1));
  assert.equal((await mesh.until(other.describe())).waiting, 1);
});
