import assert from "node:assert/strict";
import * as z from "zod";
import { NO_POLICY } from "../../../service/mod.ts";
import { ALL_RIGHTS } from "../../../test_mesh/mod.ts";
import { MAX_TAKES_PER_CALLER } from "../../bounds.ts";
import type { DataError } from "../../errors.ts";
import { fails } from "../../testing/conformance.ts";
import { DataMesh } from "../../testing/data_mesh.ts";
import type { QueueMessage } from "./queue_message.ts";

const FAST = { leaseMs: 1_000, maxLeaseMs: 10_000, backoffMs: 100, maxBackoffMs: 1_000, maxAttempts: 3 };

Deno.test("messages are pushed and handled from the owner, another node and attached programs alike", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const program = data.clientOf(mesh.attach(west.node));
  const clients = [east.client, west.client, program, data.clientOf(mesh.attach(east.node))];
  for (const client of clients) {
    const mails = await mesh.until(client.queue("mails", FAST));
    assert.equal(mails.owner, "east", "the first that asks owns it");
    for (const pusher of clients) {
      const queue = await mesh.until(pusher.queue<{ to: string }>("mails"));
      await mesh.until(queue.push({ to: "ann" }));
    }
    const seen: unknown[] = [];
    const worker = mails.work((message) => void seen.push(message.value));
    await until(mesh, () => seen.length === clients.length);
    await mesh.until(worker.stop());
    assert.deepEqual(seen, clients.map(() => ({ to: "ann" })));
    const { waiting, leased, dead } = await mesh.until(mails.describe());
    assert.deepEqual([waiting, leased, dead], [0, 0, 0]);
  }
});

Deno.test("a worker runs as many handlers as it may, and asks for no more than it can begin", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const mails = await mesh.until(east.client.queue<number>("mails", FAST));
  await mesh.until(mails.pushAll(Array.from({ length: 20 }, (_, value) => ({ value }))));
  const far = await mesh.until(west.client.queue<number>("mails"));
  const [ends, seen]: [(() => void)[], number[]] = [[], []];
  const worker = far.work((message) =>
    new Promise<void>((resolve) => {
      seen.push(message.value);
      ends.push(resolve);
    }), { concurrency: 4 });
  await until(mesh, () => ends.length === 4);
  // Longer than a lease: it is renewed while handlers run.
  await mesh.advance(3_000);
  assert.deepEqual(seen, [0, 1, 2, 3]);
  assert.equal((await mesh.until(mails.describe())).leased, 4);
  ends.shift()?.();
  await until(mesh, () => seen.length === 5);
  const stopped = worker.stop();
  await mesh.advance(500);
  assert.equal(worker.running, 4, "what runs is waited for");
  for (const end of ends) end();
  await mesh.until(stopped);
  const { waiting, leased } = await mesh.until(mails.describe());
  assert.deepEqual([waiting, leased], [15, 0]);
});

Deno.test("what a handler throws is kept, and a queue whose handler always fails ends in dead letters", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await mesh.until(east.client.queue("mails", FAST));
  const mails = await mesh.until(west.client.queue<string>("mails"));
  await mesh.until(mails.push("poison", { id: "p" }));
  await mesh.until(mails.push("never"));
  await mesh.until(mails.push("good"));
  const [times, errors, good]: [number[], unknown[], QueueMessage<string>[]] = [[], [], []];
  await using worker = mails.work((message) => {
    if (message.value === "good") return void good.push(message);
    if (message.value === "never") return message.fail("not mine", { isFinal: true });
    times.push(mesh.clock.now());
    throw new RangeError(`attempt ${message.attempt}`);
  }, { onError: (error) => errors.push(error), concurrency: 3 });
  assert.equal(worker.running, 0);
  await mesh.advance(5_000);
  assert.equal(good.length, 1);
  assert.equal(times.length, 3);
  const [first = 0, second = 0, third = 0] = times;
  assert.ok(second - first >= 100 && third - second >= 200, `${times}`);
  assert.equal(errors.length, 3);
  const letters = await mesh.until(Array.fromAsync(mails.deadLetters()));
  assert.deepEqual(letters.map(({ value, error, attempts }) => [value, error, attempts]), [
    ["poison", "attempt 3", 3],
    ["never", "not mine", 1],
  ]);
  assert.equal(await mesh.until(mails.discard([letters[1]?.number ?? 0])), 1);
  assert.equal(await mesh.until(mails.retry()), 1);
  await mesh.advance(5_000);
  assert.equal(times.length, 6);
  assert.equal((await mesh.until(mails.push("again", { id: "p" }))).isRepeated, true);
  await mesh.until(worker.stop());
});

Deno.test("a frozen worker loses its message, hears of it, and what it does late changes nothing", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west, south] = [await data.add("east"), await data.add("west"), await data.add("south")];
  const mails = await mesh.until(east.client.queue<number>("mails", FAST));
  const sent = await mesh.until(east.client.collection<{ id: string; by: string }>("sent", { key: "id" }));
  await mesh.until(mails.push(1));
  const handlerOf = (client: typeof west.client, by: string, hold: () => Promise<void>) => async () => {
    const [queue, of] = [
      await client.queue<number>("mails"),
      await client.collection<typeof VALUE>("sent", {
        key: "id",
      }),
    ];
    return queue.work(async (message) => {
      signals.push(message.signal);
      await hold();
      await message.commit((tx) => tx.post(of, { id: `${message.value}`, by }));
    }, { onError: (error) => errors.push([by, error]) });
  };
  const VALUE = { id: "", by: "" };
  const [signals, errors]: [AbortSignal[], [string, unknown][]] = [[], []];
  const { promise: thaw, resolve: goOn } = Promise.withResolvers<void>();
  const frozen = await mesh.until(handlerOf(west.client, "west", () => thaw)());
  await until(mesh, () => signals.length === 1);
  mesh.freeze(west.node);
  const other = await mesh.until(handlerOf(south.client, "south", () => Promise.resolve())());
  await mesh.advance(5_000);
  assert.equal((await mesh.until(sent.get("1")))?.by, "south");
  mesh.thaw(west.node);
  await mesh.advance(2_000);
  assert.equal(signals[0]?.aborted, true);
  assert.equal((signals[0]?.reason as DataError).code, "LeaseLost");
  goOn();
  await mesh.advance(2_000);
  assert.equal((await mesh.until(sent.get("1")))?.by, "south");
  assert.equal(errors.filter(([by]) => by === "south").length, 0);
  await mesh.until(Promise.all([frozen.stop(), other.stop()]));
  const { waiting, leased, dead } = await mesh.until(mails.describe());
  assert.deepEqual([waiting, leased, dead], [0, 0, 0]);
});

Deno.test("a handler's writes and the end of its message are one, and its body runs again when it has lost", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  const counts = await mesh.until(east.client.collection<{ id: string; n: number }>("counts", { key: "id" }));
  await mesh.until(east.client.queue<number>("jobs", FAST));
  const jobs = await mesh.until(west.client.queue<number>("jobs"));
  const far = await mesh.until(west.client.collection<{ id: string; n: number }>("counts", { key: "id" }));
  await mesh.until(jobs.pushAll(Array.from({ length: 30 }, () => ({ value: 1 }))));
  const worker = jobs.work(async (message) => {
    const total = await message.commit(async (tx) => {
      const { n = 0 } = await tx.get(far, "all") ?? {};
      await tx.put(far, { id: "all", n: n + message.value });
      return n + message.value;
    });
    assert.ok(total > 0);
    // It is done: whatever comes now does not bring it back.
    throw new Error("too late");
  }, { concurrency: 5 });
  await mesh.advance(5_000);
  assert.equal((await mesh.until(counts.get("all")))?.n, 30);
  await mesh.until(worker.stop());
  const { waiting, dead } = await mesh.until(jobs.describe());
  assert.deepEqual([waiting, dead], [0, 0]);
});

Deno.test("who may push and who may work is asked of each call, and of requests that wait already", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const allowed = { push: false, work: true };
  mesh.rights = {
    ...ALL_RIGHTS,
    mayPublish: (peer, topic) => peer !== "west" || topic.toString() !== "queue:mails" || allowed.push,
    maySubscribe: (peer, pattern) => peer !== "west" || pattern.toString() !== "queue:mails" || allowed.work,
  };
  const [east, west] = [await data.add("east"), await data.add("west")];
  const own = await mesh.until(east.client.queue<number>("mails", FAST));
  const far = await mesh.until(west.client.queue<number>("mails"));
  await fails("Refused", mesh.until(far.push(1)));
  allowed.push = true;
  await mesh.until(far.push(1));
  const seen: number[] = [];
  const worker = far.work((message) => void seen.push(message.value));
  await until(mesh, () => seen.length === 1);
  // It waits for messages when its right is taken away.
  await mesh.advance(1_000);
  allowed.work = false;
  await mesh.until(own.push(2));
  await fails("Refused", mesh.until(worker.ended));
  assert.deepEqual(seen, [1]);
  await fails("Refused", mesh.until(far.describe()));
  await fails("Refused", mesh.until(Array.fromAsync(far.deadLetters())));
  await fails("Refused", mesh.until(far.discard()));
  assert.equal((await mesh.until(own.describe())).waiting, 1);
});

Deno.test("a policy decides about queues, and a transaction reaches nothing that its worker may not write", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const refusal = { kind: "denied", rule: "test" } as const;
  const policy = {
    ...NO_POLICY,
    isIdle: false,
    callFate: (from: string, _: string, path: string) =>
      from === "west" && path.startsWith("mesh:data/secret/") ? refusal : { kind: "straight" as const },
    admitCall: (_: string, from: string, __: string, path: string) =>
      from === "west" && path.startsWith("mesh:data/secret/") ? refusal : undefined,
    admitEvent: (_: string, from: string, __: string | undefined, topic: string) =>
      from === "west" && topic === "queue:closed" ? refusal : undefined,
    mayHear: (_: string, to: string, topic: string) => !(to === "west" && topic === "queue:closed"),
  };
  const east = await data.add("east", { policy });
  const west = await data.add("west");
  for (const name of ["closed", "open"]) await mesh.until(east.client.queue(name, FAST));
  for (const name of ["secret", "sent"]) await mesh.until(east.client.collection(name, { key: "id" }));
  const closed = await mesh.until(west.client.queue("closed"));
  await fails("Refused", mesh.until(closed.push(1)));
  await fails("Refused", mesh.until(closed.describe()));
  const open = await mesh.until(west.client.queue<number>("open"));
  const sent = await mesh.until(west.client.collection("sent", { key: "id" }));
  const secret = { name: "secret", key: "id" } as typeof sent;
  await mesh.until(open.push(1));
  const errors: unknown[] = [];
  const worker = open.work((message) => message.commit((tx) => void tx.delete(secret, "1")), {
    onError: (error) => errors.push(error),
  });
  await until(mesh, () => errors.length === 1);
  assert.equal((errors[0] as DataError).code, "Refused");
  await mesh.until(worker.stop());
});

Deno.test("what is no value by its schema is not pushed, and no queue's limits are not taken", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const { client } = await data.add("east");
  const mails = await mesh.until(
    client.queue("mails", { schema: z.object({ to: z.string() }), maxLength: 2 }),
  );
  await fails("InvalidValue", mesh.until(mails.push({ to: 1 } as unknown as { to: string })));
  await mesh.until(mails.push({ to: "ann" }));
  await mesh.until(mails.push({ to: "bob" }));
  const { retryable } = await fails("QueueFull", mesh.until(mails.push({ to: "eve" })));
  assert.equal(retryable, true);
  // Who opens it again, and says nothing, changes nothing.
  await mesh.until(client.queue("mails"));
  assert.equal((await mesh.until(mails.describe())).maxLength, 2);
  await fails("InvalidQueue", mesh.until(client.queue("mails", { maxAttempts: -1 })));
  await fails("InvalidQueue", mesh.until(client.queue("no name")));
  assert.throws(() => mails.work(() => {}, { concurrency: 0 }), RangeError);
  assert.equal(await mesh.until(client.dropQueue("mails")), true);
  await fails("OwnerAway", mesh.until(mails.push({ to: "ann" })));
});

Deno.test("requests that wait are bounded for each caller, and whatever is sent is answered by a failure", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const [east, west] = [await data.add("east"), await data.add("west")];
  await mesh.until(east.client.queue("mails", FAST));
  const call = (action: string, params?: unknown) =>
    mesh.until(west.node.runtime.request(`queue/mails/${action}`, params, { timeoutMs: 30_000 }));
  const waits = Array.from(
    { length: MAX_TAKES_PER_CALLER + 3 },
    (_, i) => call("take", { worker: `w${i}`, waitMs: 1_000 }),
  );
  const ended = await Promise.allSettled(waits);
  assert.equal(ended.filter(({ status }) => status === "rejected").length, 3);
  for (const wrong of [undefined, null, 7, [], { worker: 1 }, { worker: "" }, { worker: "x".repeat(999) }]) {
    for (const action of ["take", "settle", "renew", "commit"]) {
      await assert.rejects(call(action, wrong));
    }
  }
  for (
    const wrong of [
      { limit: 0 },
      { limit: -1 },
      { leaseMs: 0 },
      { leaseMs: 1e12 },
      { leaseMs: "1" },
      { waitMs: -1 },
      { leases: 7 },
      { leases: [7] },
    ]
  ) await assert.rejects(call("take", { worker: "w", ...wrong }));
  const messages = [
    undefined,
    7,
    [7],
    [{}],
    Array.from({ length: 300 }, () => ({ value: 1 })),
    [
      { value: 1, delayMs: -1 },
    ],
    [{ value: 1, id: 7 }],
    [{ value: 1, orderKey: {} }],
  ];
  for (const wrong of messages) {
    await assert.rejects(call("push", { messages: wrong }));
  }
  for (
    const wrong of [{ kind: "lost", lease: "a" }, { kind: "done" }, { kind: "failed", lease: "a", error: 7 }]
  ) {
    await assert.rejects(call("settle", { worker: "w", settlements: [wrong] }));
  }
  await assert.rejects(call("retry", { numbers: ["all"] }));
  // Of another node, nobody's lease is taken by its name.
  await mesh.until(west.node.runtime.request("queue/mails/push", { messages: [{ value: 1 }] }));
  const [taken] = await mesh.until(east.node.runtime.request("queue/mails/take", { worker: "w" })) as {
    lease: string;
  }[];
  assert.deepEqual(
    await call("settle", { worker: "w", settlements: [{ kind: "done", lease: taken?.lease }] }),
    [
      false,
    ],
  );
});

/** Lets time pass until something is so. */
async function until(mesh: DataMesh["mesh"], condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await mesh.advance(10);
  assert.ok(condition());
}
