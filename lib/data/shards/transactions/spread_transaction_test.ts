import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "../../../base/mod.ts";
import { DataError } from "../../errors.ts";
import { DataMesh, type DataNode } from "../../testing/data_mesh.ts";

type Account = { readonly id: string; readonly amount: number };

const SEEDS = Number(
  Deno.env.get("WEFT_SHARDS_SEEDS") ?? (Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 40 : 1),
);
const FIRST_SEED = Number(Deno.env.get("WEFT_SHARDS_SEED") ?? 1);
const ACCOUNTS = 6;
/** The gate looks at every seventh message, from another one on for each who is killed. */
const STEPS_EACH = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 1 : 7;
const FIRST_STEP = { client: 0, first: 1, second: 3, record: 5 };

async function bank(data: DataMesh, replicas: number, count = 4) {
  const { mesh } = data;
  const home = await data.add("home", { labels: { role: "home" } });
  const members: DataNode[] = [];
  for (const name of ["a", "b", "c"]) members.push(await data.add(name, { labels: { role: "data" } }));
  const shards = { count, over: "role=data", replicas } as const;
  const accounts = await mesh.until(home.client.collection<Account>("accounts", { key: "id", shards }));
  for (let i = 0; i < ACCOUNTS; i++) await mesh.until(accounts.put({ id: `${i}`, amount: 100 }));
  return { home, members, nodes: [home, ...members], accounts };
}

async function transfer({ client }: DataNode, from: string, to: string, amount: number, id?: string) {
  const accounts = await client.collection<Account>("accounts", { key: "id" });
  await client.transaction(async (tx) => {
    const [source, target] = await Promise.all([tx.get(accounts, from), tx.get(accounts, to)]);
    await tx.put(accounts, { id: from, amount: (source?.amount ?? 0) - amount });
    await tx.put(accounts, { id: to, amount: (target?.amount ?? 0) + amount });
  }, id === undefined ? {} : { id });
}

async function amounts({ client }: DataNode): Promise<number[]> {
  const accounts = await client.collection<Account>("accounts", { key: "id" });
  return await Promise.all(
    Array.from({ length: ACCOUNTS }, async (_, i) => (await accounts.get(i))?.amount ?? NaN),
  );
}

async function assertNothingOpen(nodes: readonly DataNode[], note: string) {
  for (const { engine, node } of nodes) {
    assert.deepEqual(await engine.prepared.places(), [], `${note}: something is open at ${node.id}`);
  }
}

for (const victimKind of ["client", "first", "second", "record"] as const) {
  Deno.test(`a transfer over two shards is whole wherever its ${victimKind} is killed`, async () => {
    let whole = 0;
    let last = "";
    for (let step = FIRST_STEP[victimKind]; last !== "answered" || step < 10; step += STEPS_EACH) {
      assert.ok(step < 60, "there is an end");
      last = await killAt(step, victimKind);
      if (last === "answered") whole++;
    }
    assert.ok(whole > 0);
  });
}

/** @returns `answered` where nobody was killed before there was an answer */
async function killAt(step: number, kind: "client" | "first" | "second" | "record"): Promise<string> {
  await using data = new DataMesh(step + 1);
  const { mesh } = data;
  const { members, nodes, accounts } = await bank(data, 1, 8);
  const client = await data.add("client", { labels: { role: "client" } });
  await mesh.until(client.client.collection("accounts", { key: "id" }));
  const ids = Array.from({ length: ACCOUNTS }, (_, i) => `${i}`);
  const from = "0";
  const to = ids.find((id) => accounts.ownerOf(id) !== accounts.ownerOf(from)) as string;
  const id = `transfer-${step}`;
  const at = (key: string) => members.find(({ node }) => node.id === accounts.ownerOf(key)) as DataNode;
  const victim = { client, first: at(from), second: at(to), record: at(id) }[kind];
  let messages = 0;
  let isKilled = false;
  mesh.watch = (one, other) => {
    if (![one, other].includes(client.node.id)) return;
    if (messages++ !== step || isKilled) return;
    isKilled = true;
    queueMicrotask(() => data.crash(victim));
  };
  const outcome = await mesh.until(
    transfer(client, from, to, 30, id).then(() => "committed", (error) => error.code ?? String(error)),
    60_000,
  );
  mesh.watch = () => {};
  if (isKilled) {
    await mesh.advance(1_000);
    data.restart(victim);
  }
  await mesh.advance(15_000);
  const now = await mesh.until(amounts(nodes[0] as DataNode), 60_000);
  assert.equal(now.reduce((a, b) => a + b), 100 * ACCOUNTS, `${kind} ${step}: ${now}`);
  const has = now[0] === 70;
  assert.equal(now[Number(to)], has ? 130 : 100, `${kind} ${step}: ${now}`);
  if (outcome === "committed") assert.ok(has, `${kind} ${step}: what was answered has happened`);
  if (outcome === "Conflict" || outcome === "Locked") assert.ok(!has, `${kind} ${step}`);
  await assertNothingOpen([...nodes, client], `${kind} ${step}`);
  // Sent again it has happened once, whatever came of it before.
  await mesh.until(transfer(client, from, to, 30, id), 60_000);
  const after = await mesh.until(amounts(nodes[0] as DataNode), 60_000);
  assert.deepEqual([after[0], after[Number(to)]], [70, 130], `${kind} ${step}`);
  return isKilled ? outcome : "answered";
}

Deno.test(`transfers over shards keep the total while members crash, freeze, move and are cut off, ${SEEDS} seeds`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await run(seed);
});

async function run(seed: number) {
  await using data = new DataMesh(seed);
  const { mesh } = data;
  const random = new SeededRandom(seed);
  const draw = (below: number) => randomUint32(random) % below;
  const { home, members, nodes } = await bank(data, 1);
  for (const one of members) {
    for (const other of nodes) {
      if (one !== other) mesh.impair(one.node, other.node, { delayMs: 1, jitterMs: 10 });
    }
  }
  const expected = new Map<string, number>(Array.from({ length: ACCOUNTS }, (_, i) => [`${i}`, 100]));
  let [isOver, committed, isSure] = [false, 0, true];
  const lanes = [home, home, ...members].map(async (node, lane) => {
    for (let i = 0; !isOver; i++) {
      const from = draw(ACCOUNTS);
      const to = (from + 1 + draw(ACCOUNTS - 1)) % ACCOUNTS;
      const amount = 1 + draw(20);
      const id = `${seed}-${lane}-${i}`;
      for (let tries = 0;; tries++) {
        try {
          await transfer(node, `${from}`, `${to}`, amount, id);
          committed++;
          expected.set(`${from}`, (expected.get(`${from}`) ?? 0) - amount);
          expected.set(`${to}`, (expected.get(`${to}`) ?? 0) + amount);
          break;
        } catch (error) {
          assert.ok(error instanceof DataError, String(error));
          // Of what nobody knows it is asked again, under its id.
          if (isOver && tries > 8) {
            isSure = false;
            break;
          }
        }
        await mesh.sleep(500);
      }
      await mesh.sleep(100 + draw(400));
    }
  });
  const trouble = async () => {
    for (let i = 0; i < 5; i++) {
      await mesh.sleep(500 + draw(2_000));
      const victim = members[draw(members.length)] as DataNode;
      const other = nodes[draw(nodes.length)] as DataNode;
      switch (draw(4)) {
        case 0:
          data.crash(victim);
          await mesh.sleep(draw(15_000));
          data.restart(victim);
          break;
        case 1:
          mesh.freeze(victim.node);
          await mesh.sleep(draw(12_000));
          mesh.thaw(victim.node);
          break;
        case 2:
          if (other === victim) break;
          mesh.part(victim.node, other.node);
          await mesh.sleep(draw(12_000));
          mesh.part(victim.node, other.node, false);
          break;
        default: {
          // Shards move to it, and what is open goes along.
          const name = `m${i}`;
          members.push(await data.add(name, { labels: { role: "data" } }));
          nodes.push(members.at(-1) as DataNode);
          await mesh.sleep(5_000);
        }
      }
    }
    await mesh.sleep(15_000);
    isOver = true;
  };
  await mesh.until(Promise.all([...lanes, trouble()]), 900_000);
  await mesh.advance(40_000);
  const now = await mesh.until(amounts(home), 60_000);
  assert.equal(now.reduce((a, b) => a + b), 100 * ACCOUNTS, `seed ${seed}: ${now}`);
  assert.ok(committed > 30, `seed ${seed}: ${committed} were committed`);
  if (isSure) assert.deepEqual(now, [...expected.values()], `seed ${seed}: each happened once`);
  await assertNothingOpen(nodes, `seed ${seed}`);
}

Deno.test("write skew over shards does not happen, and what is read together is of one time", async () => {
  await using data = new DataMesh(3);
  const { mesh } = data;
  const { members, home, accounts } = await bank(data, 0, 8);
  const to = ["1", "2", "3", "4", "5"].find((id) =>
    accounts.shard({ id }) !== accounts.shard({ id: "0" })
  ) as string;
  for (const one of members) mesh.impair(one.node, home.node, { delayMs: 2, jitterMs: 20 });
  const leave = ({ client }: DataNode, id: string) => async () => {
    const accounts = await client.collection<Account>("accounts", { key: "id" });
    await client.transaction(async (tx) => {
      const both = await Promise.all(["0", to].map((one) => tx.get(accounts, one)));
      const sum = both.reduce((sum, account) => sum + (account?.amount ?? 0), 0);
      if (sum > 100) await tx.put(accounts, { id, amount: 0 });
    });
  };
  await mesh.until(Promise.all([leave(home, "0")(), leave(members[0] as DataNode, to)()]));
  const [first, second] = await mesh.until(Promise.all([accounts.get("0"), accounts.get(to)]));
  assert.equal((first?.amount ?? 0) + (second?.amount ?? 0), 100);
});
