import assert from "node:assert/strict";
import type { CallContext, EventContext, ServiceEvent } from "./mod.ts";
import { attached, MemoryMesh, settle } from "./testing/memory_mesh.ts";
import { fails } from "./testing/outcome.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const options = { metadata: { user: "ann", locale: "de" }, traceparent: TRACE, tracestate: "a=1" };

/** What came along, as a handler sees it. */
function seen(context: CallContext | EventContext) {
  const { metadata, traceparent = null, tracestate = null, callerPath = null, origin = null } = context;
  return { metadata, traceparent, tracestate, callerPath, origin };
}

/** Three nodes: a call to `b` goes on to `c`, and to a subscriber of `a`. */
async function chain() {
  const mesh = new MemoryMesh();
  const [a, b, c] = [mesh.add("a"), mesh.add("b"), mesh.add("c")];
  const contexts: CallContext[] = [];
  await c.runtime.addService({
    path: "stock",
    actions: {
      take: (_: unknown, context) => {
        contexts.push(context);
        return seen(context);
      },
      hang: () => new Promise(() => {}),
    },
  });
  await b.runtime.addService({
    path: "orders",
    actions: {
      place: async (_: unknown, context) => {
        const own = seen(context);
        await context.publish("placed", 1, { metadata: { locale: "fr" } });
        return { own, nested: await context.request("stock/take", 1) };
      },
      hang: (_: unknown, context) => context.request("stock/hang", 1, { timeoutMs: 60_000 }),
      late: async (_: unknown, context) => {
        await new Promise((resolve) => mesh.timers.setTimer(2_000, () => resolve(0)));
        return await context.request("stock/take");
      },
    },
  });
  await settle();
  return { mesh, a, b, c, contexts };
}

Deno.test("CallContext.request() passes metadata, trace, caller and origin on, and so does publish()", async () => {
  const { mesh, a, b, contexts } = await chain();
  await using _ = mesh;
  const heard: [ServiceEvent, ReturnType<typeof seen>][] = [];
  a.runtime.subscribe("placed", (event, context) => void heard.push([event, seen(context)]));
  await settle();
  const began = { ...options, callerPath: null, origin: "a" };
  const nested = { ...began, callerPath: "orders/place" };
  assert.deepEqual(await mesh.until(a.runtime.request("orders/place", 1, options)), { own: began, nested });
  await settle();
  const metadata = { user: "ann", locale: "fr" };
  assert.deepEqual(heard.map(([, context]) => context), [{ ...nested, metadata }]);
  assert.deepEqual([heard[0]?.[0].metadata, heard[0]?.[0].traceparent], [metadata, TRACE]);
  assert.equal(contexts[0]?.caller, b.id, "who calls is not what somebody says");
});

Deno.test("CallContext has nothing where nothing was said, also in a call of the same program", async () => {
  const { mesh, b, c } = await chain();
  await using _ = mesh;
  const nothing = {
    metadata: {},
    traceparent: null,
    tracestate: null,
    callerPath: null,
    origin: null,
  };
  assert.deepEqual(await mesh.until(c.runtime.request("stock/take", 1)), nothing);
  assert.deepEqual(await mesh.until(b.runtime.request("stock/take", 1)), { ...nothing, origin: "b" });
  const said = { ...nothing, metadata: { a: "1" } };
  assert.deepEqual(await mesh.until(c.runtime.request("stock/take", 1, { metadata: { a: "1" } })), said);
});

Deno.test("CallContext.request() keeps to what is left of the handler's deadline", async () => {
  const { mesh, a, contexts } = await chain();
  await using _ = mesh;
  const startedAt = mesh.clock.now();
  await fails("Timeout", mesh.until(a.runtime.request("orders/hang", 1, { timeoutMs: 500 })));
  assert.ok(mesh.clock.now() - startedAt < 1_000, "and not the minute that it asks for");
  await mesh.until(a.runtime.request("orders/late", 1, { timeoutMs: 5_000 }));
  const leftMs = (contexts.at(-1)?.deadlineMs ?? 0) - mesh.clock.now();
  assert.ok(leftMs > 2_500 && leftMs <= 3_000, `${leftMs} ms of 5,000 are left after 2,000`);
  const given = new AbortController();
  const call = a.runtime.request("orders/hang", 1, { signal: given.signal });
  await settle();
  given.abort();
  await fails("Canceled", call);
});

Deno.test("what goes along with calls and events passes an agent, both ways", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const show = { path: "show", actions: { context: (_: unknown, context: CallContext) => seen(context) } };
  await program.runtime.addService({ ...show, path: "inside" });
  await other.runtime.addService(show);
  await mesh.run(50);
  const heard: ReturnType<typeof seen>[] = [];
  program.runtime.subscribe("news", (_, context) => void heard.push(seen(context)));
  other.runtime.subscribe("news", (_, context) => void heard.push(seen(context)));
  await mesh.run(50);
  const began = { ...options, callerPath: null };
  assert.deepEqual(await mesh.until(other.runtime.request("inside/context", 1, options)), {
    ...began,
    origin: "b",
  });
  assert.deepEqual(await mesh.until(agent.runtime.request("inside/context", 1, options)), {
    ...began,
    origin: null,
  });
  assert.deepEqual(await mesh.until(program.runtime.request("show/context", 1, options)), {
    ...began,
    origin: "a",
  });
  assert.deepEqual(
    await mesh.until(program.runtime.request("show/context", 1, { ...options, mode: "all" })),
    [
      { node: "b", ok: true, result: { ...began, origin: "a" } },
    ],
  );
  await program.runtime.publish("news", 1, options);
  await other.runtime.publish("news", 1, options);
  await settle();
  assert.deepEqual(heard.map(({ metadata }) => metadata), Array(4).fill(options.metadata));
});

Deno.test("ServiceClient.within() calls with what came along", async () => {
  const { mesh, a, b } = await chain();
  await using _ = mesh;
  const stock = b.runtime.client<{ path: string; actions: { take: (params: number) => unknown } }>("stock");
  await b.runtime.addService({
    path: "till",
    actions: { pay: (_: unknown, context) => stock.within(context).request("take", 1) },
  });
  await settle();
  const began = { ...options, callerPath: "till/pay", origin: "a" };
  assert.deepEqual(await mesh.until(a.runtime.request("till/pay", 1, options)), began);
});

Deno.test("metadata that may not travel fail the call and the event", async () => {
  const { mesh, a } = await chain();
  await using _ = mesh;
  const wrong = { metadata: { "no name": "" } };
  await assert.rejects(a.runtime.request("stock/take", 1, wrong), { code: "InvalidService" });
  await assert.rejects(a.runtime.publish("news", 1, wrong), { code: "InvalidService" });
});
