import assert from "node:assert/strict";
import { DataMesh, type DataNode } from "../testing/data_mesh.ts";
import { fails } from "../testing/conformance.ts";
import type { TransactionState } from "./transaction.ts";

type Account = { readonly id: string; readonly amount: number };

async function bank(data: DataMesh, of: DataNode, accounts: number, amount: number) {
  const { mesh } = data;
  const opened = await mesh.until(of.client.collection<Account>("accounts", { key: "id" }));
  for (let i = 0; i < accounts; i++) await mesh.until(opened.put({ id: `${i}`, amount }));
  return opened;
}

Deno.test("a transaction over two collections happens as a whole, reads what it has written, and shows its states", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await bank(data, east, 2, 100);
  await mesh.until(east.client.collection("log", { key: "id" }));
  const accounts = await mesh.until(west.client.collection<Account>("accounts", { key: "id" }));
  const log = await mesh.until(west.client.collection("log", { key: "id" }));
  const states: TransactionState[] = [];
  const options = { id: "move-1", onState: (state: TransactionState) => void states.push(state) };
  const moved = await mesh.until(west.client.transaction(async (tx) => {
    const from = await tx.get(accounts, "0");
    await tx.put(accounts, { id: "0", amount: (from?.amount ?? 0) - 30 });
    await tx.patch(accounts, "1", { amount: 130 });
    await tx.post(log, { id: "move-1", amount: 30 });
    assert.equal((await tx.get(accounts, "0"))?.amount, 70);
    assert.equal((await mesh.until(accounts.get("0")))?.amount, 100, "nobody else sees it before the end");
    tx.delete(accounts, "9");
    assert.equal(await tx.get(accounts, "9"), undefined);
    return 30;
  }, options));
  assert.equal(moved, 30);
  assert.deepEqual(states, ["created", "running", "queued", "committed"]);
  assert.equal((await mesh.until(accounts.get("0")))?.amount, 70);
  assert.deepEqual(await mesh.until(log.get("move-1")), { id: "move-1", amount: 30 });
  assert.equal(await mesh.until(west.client.transactionState("move-1", "accounts")), "committed");
  assert.equal(await mesh.until(west.client.transactionState("move-2", "accounts")), "cleaned-up");

  // Sent again, by another program, it does not happen again, and gives what it gave.
  const again = await mesh.until(east.client.transaction(async (tx) => {
    await tx.put(accounts, { id: "0", amount: 0 });
    return 0;
  }, { id: "move-1" }));
  assert.equal(again, 30);
  assert.equal((await mesh.until(accounts.get("0")))?.amount, 70);

  states.length = 0;
  const thrown = mesh.until(west.client.transaction(async (tx) => {
    await tx.put(accounts, { id: "0", amount: 0 });
    throw new RangeError("no more");
  }, options));
  await assert.rejects(thrown, RangeError);
  assert.deepEqual(states, ["created", "running", "rolled-back"]);
  states.length = 0;
  await fails(
    "AlreadyExists",
    mesh.until(west.client.transaction(async (tx) => {
      await tx.put(accounts, { id: "0", amount: 0 });
      await tx.post(log, { id: "move-1" });
    }, { onState: options.onState })),
  );
  assert.deepEqual(states.at(-1), "failed");
  assert.equal((await mesh.until(accounts.get("0")))?.amount, 70);
});

Deno.test("a transaction that is too late has written nothing, and one over two owners happens as a whole", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const accounts = await bank(data, east, 1, 100);
  const other = await mesh.until(west.client.collection("other", { key: "id" }));
  const states: TransactionState[] = [];
  const late = east.client.transaction(async (tx) => {
    await tx.put(accounts, { id: "0", amount: 0 });
    await mesh.sleep(2_000);
  }, { timeoutMs: 1_000, onState: (state) => void states.push(state) });
  await fails("Timeout", mesh.until(late));
  assert.deepEqual(states, ["created", "running", "rolled-back"]);
  await mesh.advance(2_000);
  const two = east.client.transaction(async (tx) => {
    await tx.put(accounts, { id: "0", amount: 0 });
    await tx.put(other, { id: "0" });
  });
  await mesh.until(two);
  assert.equal((await mesh.until(accounts.get("0")))?.amount, 0);
  assert.deepEqual(await mesh.until(other.get("0")), { id: "0" });
});

Deno.test("write skew does not happen: of two that each rely on what the other changes one is made to look again", async () => {
  await using data = new DataMesh(5);
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await bank(data, east, 2, 1);
  const leave = async ({ client }: DataNode, id: string) => {
    const accounts = await client.collection<Account>("accounts", { key: "id" });
    await client.transaction(async (tx) => {
      const both = await Promise.all(["0", "1"].map((one) => tx.get(accounts, one)));
      const sum = both.reduce((sum, account) => sum + (account?.amount ?? 0), 0);
      // One of them has to stay.
      if (sum > 1) await tx.put(accounts, { id, amount: 0 });
    });
  };
  await mesh.until(Promise.all([leave(east, "0"), leave(west, "1")]));
  const left = await east.engine.get("accounts", ["0", "1"]);
  assert.equal(left.reduce((sum, entry) => sum + Number(entry?.value["amount"]), 0), 1);
});

for (const seed of [1, 2, 3]) {
  Deno.test(`transfers keep the total while links break and the owner crashes, seed ${seed}`, async () => {
    await using data = new DataMesh(seed);
    const { mesh } = data;
    const nodes = [await data.add("a"), await data.add("b"), await data.add("c"), await data.add("d")];
    const [owner, ...others] = nodes as [DataNode, ...DataNode[]];
    await bank(data, owner, 6, 100);
    let drawn = seed;
    const draw = (below: number) => (drawn = (drawn * 48_271) % 2_147_483_647) % below;
    let done = 0;
    const transfers = others.flatMap((node, at) =>
      [0, 1].map(async (lane) => {
        const accounts = await node.client.collection<Account>("accounts", { key: "id" });
        for (let i = 0; i < 12; i++) {
          const [from, to] = [`${draw(6)}`, `${draw(6)}`];
          const id = `${at}-${lane}-${i}`;
          const move = () =>
            node.client.transaction(async (tx) => {
              const account = await tx.get(accounts, from);
              await tx.put(accounts, { id: from, amount: (account?.amount ?? 0) - 1 });
              const other = await tx.get(accounts, to);
              await tx.put(accounts, { id: to, amount: (other?.amount ?? 0) + 1 });
            }, { id, timeoutMs: 60_000 });
          // What is not known to have happened is sent again, and happens once.
          for (let isDone = false; !isDone;) {
            await move().then(() => isDone = true, () => mesh.sleep(50 + draw(50)));
          }
          done++;
          await mesh.sleep(draw(40));
        }
      })
    );
    const all = Promise.all(transfers);
    let isOver = false;
    const trouble = (async () => {
      for (let i = 0; !isOver; i++) {
        await mesh.sleep(60 + draw(100));
        const victim = others[draw(others.length)] ?? owner;
        if (i % 3 === 2) {
          mesh.crash(owner.node);
          await mesh.sleep(draw(200));
          data.restart(owner);
        } else {
          mesh.part(owner.node, victim.node);
          await mesh.sleep(draw(150));
          mesh.part(owner.node, victim.node, false);
        }
      }
    })();
    await mesh.until(all, 600_000);
    isOver = true;
    await mesh.until(trouble, 60_000);
    assert.equal(done, 72);
    const entries = await owner.engine.list("accounts", { limit: 100 });
    assert.equal(entries.reduce((sum, { value }) => sum + Number(value["amount"]), 0), 600);
    for (let at = 0; at < 3; at++) {
      assert.equal(await owner.engine.transaction(`${at}-1-11`), "committed");
    }
  });
}
