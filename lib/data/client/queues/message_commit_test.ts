import assert from "node:assert/strict";
import type { DataError } from "../../errors.ts";
import { DataMesh, type DataNode } from "../../testing/data_mesh.ts";
import type { MessageHandler } from "./queue_worker.ts";

const FAST = { leaseMs: 1_000, maxLeaseMs: 10_000, backoffMs: 100, maxBackoffMs: 1_000, maxAttempts: 3 };

type Total = { id: string; sum: number };

/** A queue of east, totals of east and of west, and others that work. */
async function setUp() {
  const data = new DataMesh();
  const { mesh } = data;
  const nodes: DataNode[] = [];
  for (const name of ["east", "west", "south", "north"]) nodes.push(await data.add(name));
  const [east, west, south, north] = nodes as [DataNode, DataNode, DataNode, DataNode];
  const mails = await mesh.until(east.client.queue<number>("mails", FAST));
  await mesh.until(east.client.collection<Total>("near", { key: "id" }));
  await mesh.until(west.client.collection<Total>("far", { key: "id" }));
  const work = async (
    { client }: DataNode,
    options: { onState?: (state: string) => void; before?: () => Promise<void> } = {},
  ) => {
    const queue = await client.queue<number>("mails");
    const totals = await Promise.all(
      ["near", "far"].map((name) => client.collection<Total>(name, { key: "id" })),
    );
    const errors: unknown[] = [];
    const handler: MessageHandler<number> = async (message) => {
      const { onState, before } = options;
      await before?.();
      await message.commit(async (tx) => {
        for (const of of totals) {
          const { sum = 0 } = await tx.get(of, "all") ?? {};
          await tx.put(of, { id: "all", sum: sum + message.value });
        }
        return message.number;
      }, { timeoutMs: 5_000, ...onState && { onState } });
    };
    return Object.assign(queue.work(handler, { onError: (error) => errors.push(error) }), { errors });
  };
  const sums = async () =>
    await Promise.all([east, west].map(async ({ engine }, i) => {
      const [entry] = await engine.get(i === 0 ? "near" : "far", ["all"]);
      return entry?.value["sum"];
    }));
  const counts = async () => {
    const { waiting, leased, dead } = await mesh.until(mails.describe());
    return { waiting, leased, dead };
  };
  return { data, mesh, east, west, south, north, mails, work, sums, counts };
}

const NONE = { waiting: 0, leased: 0, dead: 0 };

Deno.test("message.commit() writes to collections of several owners, each message once", async () => {
  const { data, mesh, south, mails, work, sums, counts } = await setUp();
  await using _ = data;
  await mesh.until(mails.pushAll([1, 10, 100].map((value) => ({ value }))));
  const states: string[] = [];
  const worker = await mesh.until(work(south, { onState: (state) => states.push(state) }));
  await mesh.advance(5_000);
  assert.deepEqual(worker.errors, []);
  assert.deepEqual(await sums(), [111, 111]);
  assert.deepEqual(await counts(), NONE);
  assert.deepEqual(states.slice(0, 4), ["created", "running", "queued", "committed"]);
  await mesh.until(worker.stop());
});

Deno.test("a message that comes again after it was committed over several owners changes nothing, and is done", async () => {
  const { data, mesh, south, north, mails, work, sums, counts } = await setUp();
  await using _ = data;
  await mesh.until(mails.push(1));
  const onState = (state: string) => {
    if (state === "committed") data.crash(south);
  };
  await mesh.until(work(south, { onState }));
  await mesh.advance(500);
  assert.deepEqual(await sums(), [1, 1]);
  assert.equal((await counts()).leased, 1);
  const worker = await mesh.until(work(north));
  await mesh.advance(5_000);
  assert.deepEqual(worker.errors, []);
  assert.deepEqual(await sums(), [1, 1]);
  assert.deepEqual(await counts(), NONE);
  await mesh.until(worker.stop());
});

Deno.test("a message that was lost before it was committed over several owners is not committed", async () => {
  const { data, mesh, south, north, mails, work, sums, counts } = await setUp();
  await using _ = data;
  await mesh.until(mails.push(1));
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  const slow = await mesh.until(work(south, { before: () => held }));
  await mesh.advance(100);
  mesh.freeze(south.node);
  const other = await mesh.until(work(north, { before: () => new Promise(() => {}) }));
  await mesh.advance(3_000);
  mesh.thaw(south.node);
  await mesh.advance(1_000);
  goOn();
  await mesh.advance(1_000);
  assert.ok(slow.errors.some((error) => (error as DataError).code === "LeaseLost"));
  assert.deepEqual(await sums(), [undefined, undefined]);
  assert.equal((await counts()).leased, 1);
  void other;
});

Deno.test("a queue of the same name at another owner commits its messages, whose numbers come again", async () => {
  const { data, mesh, east, west, south, mails, work, sums } = await setUp();
  await using _ = data;
  const push = async (sum: number) => {
    const { number } = await mesh.until(mails.push(1));
    assert.equal(number, 1);
    const worker = await mesh.until(work(south));
    await mesh.advance(2_000);
    await mesh.until(worker.stop());
    assert.deepEqual(await sums(), [sum, sum]);
  };
  await push(1);
  await mesh.until(east.client.dropQueue("mails"));
  await mesh.until(west.client.queue<number>("mails", FAST));
  await push(2);
});
