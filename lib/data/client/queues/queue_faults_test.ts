import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "../../../base/mod.ts";
import { DataError } from "../../errors.ts";
import { DataMesh, type DataNode } from "../../testing/data_mesh.ts";
import { type PushedMessage, type QueueHistory, whyNotKept } from "../../testing/queue_history.ts";
import type { QueueWorker } from "./queue_worker.ts";

const SEEDS = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 100 : 8;
const MESSAGES = 40;

type Job = { id: string };
type Written = { id: string; count: number };

const title =
  "nothing is lost, written twice or out of order while links break, workers freeze and die, and the owner crashes";
Deno.test(`${title}, ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const wrong = whyNotKept(await run(seed, "owner"), isTransactional);
    assert.equal(wrong, undefined, `seed ${seed}`);
  }
});

Deno.test(`the same where what handlers write is another node's, ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const wrong = whyNotKept(await run(seed, "other"), isTransactional);
    assert.equal(wrong, undefined, `seed ${seed}`);
  }
});

/** Every fourth is only returned from. */
function isTransactional(id: string): boolean {
  return !id.endsWith("-r");
}

/** @param writer who owns what handlers write: the queue's owner, or one of those that work */
async function run(seed: number, writer: "owner" | "other"): Promise<QueueHistory> {
  await using data = new DataMesh(seed);
  const { mesh } = data;
  const random = new SeededRandom(seed);
  const draw = (below: number) => randomUint32(random) % below;
  const [owner, ...others] = [await data.add("a"), await data.add("b"), await data.add("c")] as [
    DataNode,
    ...DataNode[],
  ];
  const limits = { leaseMs: 500, maxLeaseMs: 2_000, backoffMs: 50, maxBackoffMs: 400, maxAttempts: 6 };
  await mesh.until(owner.client.queue("jobs", limits));
  const keeper = writer === "owner" ? owner : others[0] ?? owner;
  await mesh.until(keeper.client.collection("written", { key: "id" }));
  for (const other of others) mesh.impair(owner.node, other.node, { delayMs: 5, jitterMs: 20 });
  const [pushes, begun, returned]: [PushedMessage[], string[], string[]] = [[], [], []];

  const pushing = others.map(async ({ client }, lane) => {
    const jobs = await client.queue<Job>("jobs");
    for (let i = 0; i < MESSAGES; i++) {
      const id = `${lane}-${i}${i % 4 === 3 ? "-r" : ""}`;
      const orderKey = i % 3 === 0 ? undefined : `k${lane}${draw(2)}`;
      const delayMs = draw(5) === 0 ? draw(300) : 0;
      const push = jobs.push({ id }, {
        ...{ id, delayMs, timeoutMs: 3_000 },
        ...orderKey !== undefined && { orderKey },
      });
      const number = await push.then(({ number }) => number, (error) => {
        assert.ok(error instanceof DataError, String(error));
        return undefined;
      });
      pushes.push({ id, number, orderKey });
      await mesh.sleep(draw(40));
    }
  });

  const startWorker = async ({ client }: DataNode): Promise<QueueWorker> => {
    const [jobs, written] = [
      await client.queue<Job>("jobs"),
      await client.collection<Written>("written", { key: "id" }),
    ];
    return jobs.work(async (message) => {
      const { id } = message.value;
      begun.push(id);
      // Some take longer than a lease, or than all of its renewals; some fail, and some always do.
      if (draw(4) === 0) await mesh.sleep(draw(draw(3) === 0 ? 3_000 : 700));
      if (draw(6) === 0) throw new Error("no luck");
      if (id === "0-9") throw new Error("never");
      if (!isTransactional(id)) return void returned.push(id);
      await message.commit(async (tx) => {
        const before = await tx.get(written, id);
        await tx.put(written, { id, count: (before?.count ?? 0) + 1 });
      }, { timeoutMs: 1_000 });
    }, { concurrency: 3 });
  };
  const workers: QueueWorker[] = [];
  for (const node of [...others, owner]) workers.push(await mesh.until(startWorker(node)));

  let isOver = false;
  const trouble = (async () => {
    for (let i = 0; !isOver; i++) {
      await mesh.sleep(100 + draw(300));
      const victim = others[draw(others.length)] ?? owner;
      switch (i % 5) {
        case 0:
          mesh.freeze(victim.node);
          await mesh.sleep(draw(1_500));
          mesh.thaw(victim.node);
          break;
        case 1:
        case 3:
          mesh.part(owner.node, victim.node);
          await mesh.sleep(draw(800));
          mesh.part(owner.node, victim.node, false);
          break;
        case 2: {
          data.crash(owner);
          await mesh.sleep(draw(400));
          data.restart(owner);
          // Programs of it begin anew, and those of before go on when it is there again.
          workers.push(await startWorker(owner));
          break;
        }
        default:
          data.crash(victim);
          await mesh.sleep(draw(400));
          data.restart(victim);
          workers.push(await startWorker(victim));
      }
    }
  })();
  await mesh.until(Promise.all(pushing), 600_000);
  await mesh.until(mesh.sleep(3_000), 10_000);
  isOver = true;
  await mesh.until(trouble, 60_000);
  // What is there is done in the end.
  const jobs = owner.client.existingQueue("jobs");
  const settled = (async () => {
    for (;;) {
      const { waiting, leased } = await jobs.describe();
      if (waiting + leased === 0) return;
      await mesh.sleep(500);
    }
  })();
  await mesh.until(settled, 600_000);
  await mesh.until(Promise.all(workers.map((worker) => worker.stop())), 600_000);
  const changes = await keeper.engine.changes("written", 0, 1_000);
  const effects = [...Map.groupBy(changes, ({ key }) => key)].map(([id, changes]) => ({
    ...{ id, count: Number(changes.at(-1)?.new?.["count"]) },
    revision: changes.at(-1)?.revision ?? 0,
  }));
  const letters = await mesh.until(Array.fromAsync(jobs.deadLetters()));
  const dead = letters.map(({ id }) => id ?? "");
  assert.ok(dead.includes("0-9"), `seed ${seed}: what always fails is dead`);
  assert.ok(begun.length > MESSAGES && effects.length > MESSAGES / 2, `seed ${seed}: it was at work`);
  return { pushes, begun, effects, returned, dead, left: [], isApart: keeper !== owner };
}
