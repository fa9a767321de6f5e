import assert from "node:assert/strict";
import * as z from "zod";
import { action, type CallAnswer, defineService, type Schema, type SchemaResult } from "./mod.ts";
import { MemoryMesh, type MemoryNode, settle } from "./testing/memory_mesh.ts";
import { fails } from "./testing/outcome.ts";
import { describeIssues } from "./schema.ts";

/** The least that follows the convention. */
function schema<T>(
  validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>,
): Schema<unknown, T> {
  return { "~standard": { version: 1, vendor: "weft tests", validate } };
}

/** Takes `{ id }` with a number from 1 on, and rounds it down. */
const order = schema<{ id: number }>((value) => {
  const id = (value as { id?: unknown } | null | undefined)?.id;
  if (typeof id !== "number") return { issues: [{ message: "a number is needed", path: ["id"] }] };
  return id >= 1
    ? { value: { id: Math.floor(id) } }
    : { issues: [{ message: "it is from 1 on", path: [{ key: "id" }] }] };
});
const later = schema<{ id: number }>(async (value) => await order["~standard"].validate(value));
const broken = schema<{ id: number }>(() => {
  throw new Error("a bug");
});
const rejecting = schema<{ id: number }>(() => Promise.reject(new Error("a late bug")));
const text = schema<string>((value) =>
  typeof value === "string" ? { value: value.trim() } : { issues: [{ message: "no text" }] }
);

let ran = 0;
const shop = defineService({
  path: "shop",
  actions: {
    take: action({ params: order, handler: ({ id }) => ({ taken: id }) }),
    takeLater: action({ params: later, handler: ({ id }) => Promise.resolve(id) }),
    broken: action({ params: broken, handler: () => ran++ }),
    rejecting: action({ params: rejecting, handler: () => ran++ }),
    name: action({ result: text, handler: (given: unknown) => given }),
    nameLater: action({
      result: schema<string>(async (v) => await text["~standard"].validate(v)),
      handler: (given: unknown) => given,
    }),
    brokenName: action({ result: broken, handler: () => "x" }),
    parse: action({
      params: z.object({ sku: z.string().min(3), count: z.number().int().default(1) }),
      handler: ({ sku, count }) => `${count} ${sku}`,
    }),
    plain: (params: { a: number }) => params.a,
    none: () => "nothing needed",
    items: async function* (_: undefined) {
      yield* await Promise.resolve([1, 2]);
    },
  },
  events: { placed: { schema: order }, loose: {} },
});

async function there(): Promise<[MemoryMesh, MemoryNode, MemoryNode]> {
  const mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(shop);
  await settle();
  return [mesh, a, b];
}

Deno.test("action() checks and converts parameters and results by their schemas, in calls from here and from another node", async () => {
  const [mesh, ...nodes] = await there();
  await using _ = mesh;
  for (const { runtime } of nodes) {
    const ask = (name: string, params?: unknown) => runtime.request(`shop/${name}`, params);
    assert.deepEqual(await ask("take", { id: 3.7, more: true }), { taken: 3 });
    assert.equal(await ask("takeLater", { id: 3.7 }), 3);
    assert.equal(await ask("parse", { sku: "tea" }), "1 tea");
    for (const name of ["take", "takeLater"]) {
      const error = await fails("InvalidParams", ask(name, { id: "3" }));
      assert.equal(error.message, `Cannot call shop/${name}: id: a number is needed`);
      assert.deepEqual([error.executed, error.retryable], [false, false]);
      await fails("InvalidParams", ask(name, { id: 0 }));
      await fails("InvalidParams", ask(name));
    }
    assert.match(
      (await fails("InvalidParams", ask("parse", { sku: "x", count: 1.5 }))).message,
      /sku: .*; count: /,
    );
    await fails("InvalidParams", ask("broken", { id: 1 }));
    await fails("InvalidParams", ask("rejecting", { id: 1 }));
    assert.equal(ran, 0);
    for (const name of ["name", "nameLater"]) {
      assert.equal(await ask(name, " tea "), "tea");
      assert.equal((await fails("InvalidResult", ask(name, 5))).executed, true);
    }
    await fails("InvalidResult", ask("brokenName"));
  }
  assert.deepEqual(nodes.map(({ runtime }) => runtime.runningCalls), [0, 0]);
});

const clock = defineService({
  path: "clock",
  actions: {
    after: action({
      params: z.object({ at: z.string().transform((text) => new Date(text)), ms: z.number().default(1) }),
      result: z.date().transform((date) => date.toISOString()),
      handler: ({ at, ms }) => new Date(at.getTime() + ms),
    }),
  },
  events: {
    ticked: { schema: z.object({ at: z.number().transform((ms) => new Date(ms)) }) },
    later: { schema: schema<number>((value) => Promise.resolve({ value: 2 * Number(value) })) },
    broken: { schema: broken },
  },
});

Deno.test("ServiceClient gives the input of a schema that converts, and gets its output", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(clock);
  await settle();
  for (const { runtime } of [a, b]) {
    const text: string = await runtime.client<typeof clock>("clock").request("after", { at: "1970-01-01" });
    assert.equal(text, "1970-01-01T00:00:00.001Z");
  }
});

Deno.test("ServiceRuntime.publish() has the schema of an event check and convert what its service publishes", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(clock);
  const received: unknown[] = [];
  const client = a.runtime.client<typeof clock>("clock");
  b.runtime.client<typeof clock>("clock").subscribe("ticked", ({ data: { at } }) => {
    const date: Date = at;
    received.push(date);
  });
  b.runtime.subscribe("clock/later", ({ data }) => void received.push(data));
  await settle();
  await client.publish("ticked", { at: 5 });
  await a.runtime.publish("clock/later", 4);
  await settle();
  assert.deepEqual(received.splice(0), [new Date(5), 8]);
  const error = await fails(
    "InvalidParams",
    a.runtime.publish("clock/ticked", { at: "now" }, { retain: true }),
  );
  assert.match(error.message, /^Cannot publish to clock\/ticked: at: /);
  await fails("InvalidParams", a.runtime.publish("clock/broken", { id: 1 }));
  await a.runtime.publish("clock/ticked", undefined, { retain: true });
  await a.runtime.publish("clock/other", { at: "no event of it" });
  await settle();
  assert.deepEqual(received, []);
  // @ts-expect-error -- what is published is the schema's input
  await client.publish("ticked", { at: new Date(5) }).catch(() => {});
});

Deno.test("describeIssues() names the first few issues, and how many more there are", () => {
  const issues = Array.from(
    { length: 6 },
    (_, i) => ({ message: `m${i}`, path: i === 0 ? [] : ["a", { key: i }] }),
  );
  assert.equal(describeIssues(issues), "m0; a.1: m1; a.2: m2; a.3: m3; and 2 more");
  assert.equal(describeIssues([]), "");
});

Deno.test("ServiceClient has the types of the definition", async () => {
  const [mesh, , b] = await there();
  await using _ = mesh;
  const client = b.runtime.client<typeof shop>("shop");
  const taken: { taken: number } = await client.request("take", { id: 1 });
  const id: number = await client.request("takeLater", { id: 2 });
  const sum: number = await client.request("plain", { a: 3 });
  const none: string = await client.request("none");
  const items: ReadableStream<number> = await client.request("items");
  assert.deepEqual([taken, id, sum, none, await Array.fromAsync(items)], [
    { taken: 1 },
    2,
    3,
    "nothing needed",
    [1, 2],
  ]);
  const received: number[] = [];
  client.subscribe("placed", ({ data }) => void received.push(data.id));
  await client.publish("placed", { id: 4 });
  assert.deepEqual(received, [4]);
  const all = await b.runtime.request("shop/none", undefined, { mode: "all" }) as readonly CallAnswer[];
  assert.deepEqual(all, [{ node: "a", ok: true, result: "nothing needed" }]);
});

// Compiled, never called: what the types refuse.
async function refused(mesh: MemoryNode): Promise<void> {
  const client = mesh.runtime.client<typeof shop>("shop");
  // @ts-expect-error -- there is no such action
  await client.request("nothing", {});
  // @ts-expect-error -- the parameters are needed
  await client.request("take");
  // @ts-expect-error -- an id is a number
  await client.request("take", { id: "1" });
  // @ts-expect-error -- no such parameter
  await client.request("plain", { b: 1 });
  // @ts-expect-error -- the answer is a number
  const _text: string = await client.request("plain", { a: 1 });
  // @ts-expect-error -- there is no such event
  client.subscribe("lost", () => {});
  // @ts-expect-error -- the event carries an id
  await client.publish("placed", { name: "x" });
  // @ts-expect-error -- the path is the definition's
  mesh.runtime.client<typeof shop>("mall");
  // @ts-expect-error -- the handler takes what its schema gives
  action({ params: order, handler: (params: { name: string }) => params.name });
  await client.publish("loose", "anything");
}
void refused;
