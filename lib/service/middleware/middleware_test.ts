import assert from "node:assert/strict";
import type { Logger } from "../../base/mod.ts";
import {
  action,
  ActionError,
  cache,
  defineService,
  hooks,
  logging,
  metrics,
  type Middleware,
  only,
  type Schema,
  type Span,
  tracing,
  validation,
} from "../mod.ts";
import { MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { fails, readAll } from "../testing/outcome.ts";

/** Writes down what goes through it. */
function noting(name: string, notes: string[]): Middleware {
  const around = async <T>(what: string, next: () => Promise<T>): Promise<T> => {
    notes.push(`${name} ${what}`);
    try {
      return await next();
    } finally {
      notes.push(`${name} ${what} done`);
    }
  };
  return {
    request: ({ path }, next) => around(path, next),
    publish: ({ topic }, next) => around(topic, next),
    action: ({ service, action }, next) => around(`${service}/${action}`, next),
    event: ({ event }, next) => around(event.topic, next),
  };
}

async function two(): Promise<[MemoryMesh, MemoryNode, MemoryNode]> {
  const mesh = new MemoryMesh();
  const [caller, provider] = [mesh.add("a"), mesh.add("b")];
  await settle();
  return [mesh, caller, provider];
}

Deno.test("middleware goes around calls and events: client, node, then node, service, action, handler", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const notes: string[] = [];
  const of = (name: string) => noting(name, notes);
  const shop = defineService({
    path: "shop",
    middleware: [of("service")],
    actions: {
      buy: { handler: (_: string) => notes.push("handler"), middleware: [of("action")] },
    },
    subscriptions: { "shop/paid": () => notes.push("heard") },
  });
  await provider.runtime.addService(shop);
  caller.runtime.use(of("caller 1"), of("caller 2"));
  // Also when the service is there already.
  provider.runtime.use(of("provider"));
  await settle();
  await caller.runtime.client<typeof shop>("shop", { middleware: [of("client")] }).request("buy", "tea");
  const order = ["client", "caller 1", "caller 2", "provider", "service", "action"];
  assert.deepEqual(notes.splice(0), [
    ...order.map((name) => `${name} shop/buy`),
    "handler",
    ...order.toReversed().map((name) => `${name} shop/buy done`),
  ]);
  await caller.runtime.publish("shop/paid", 7);
  await settle();
  assert.deepEqual(notes.filter((note) => !note.endsWith("done")), [
    ...["caller 1", "caller 2", "provider", "service"].map((name) => `${name} shop/paid`),
    "heard",
  ]);
  notes.length = 0;
  await caller.runtime.request("$registry/list", undefined, { node: "b" });
  assert.deepEqual(notes, [], "what every node has is left alone");
});

Deno.test("middleware changes, answers and refuses calls; what did not run is said not to have run", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const ran: unknown[] = [];
  const echo = (params: unknown) => {
    ran.push(params);
    if (params === "bad") throw new ActionError("Bad", "it is bad");
    return params;
  };
  const guard: Middleware = {
    action: ({ params }, next) => {
      if (params === "secret") throw new ActionError("Unauthorized", "Sign in first", { retryable: true });
      if (params === "known") return "by heart";
      return next();
    },
  };
  const late: Middleware = {
    action: async (_, next) => {
      await next();
      throw new ActionError("Late", "it has run", { retryable: true });
    },
  };
  const text: Schema<unknown, string> = {
    "~standard": {
      version: 1,
      vendor: "weft tests",
      validate: (value) =>
        typeof value === "string" ? { value } : { issues: [{ message: "a text is needed" }] },
    },
  };
  await provider.runtime.addService({
    path: "echo",
    actions: {
      guarded: { handler: echo, middleware: [guard] },
      late: { handler: echo, middleware: [late] },
      hooked: {
        handler: echo,
        middleware: [
          hooks({
            before: ({ params }) => typeof params === "string" ? params.trim() : undefined,
            after: (_, result) => result === "" ? "nothing" : undefined,
            failed: ({ params }, error) =>
              params === "bad" ? { was: (error as ActionError).code } : undefined,
          }),
        ],
      },
      checked: action({ params: text, handler: echo, middleware: [guard] }),
      items: {
        async *handler() {
          yield* await Promise.resolve([1, 2]);
        },
        middleware: [guard],
      },
    },
  });
  await settle();
  const ask = (name: string, params?: unknown) =>
    caller.runtime.request(`echo/${name}`, params, { retries: 0 });
  assert.equal(await ask("guarded", "known"), "by heart");
  const refused = await fails("Unauthorized", ask("guarded", "secret"));
  assert.deepEqual([refused.executed, refused.retryable, ran], [false, true, []]);
  const checked = await fails("InvalidParams", ask("checked", 7));
  assert.deepEqual([checked.executed, ran], [false, []]);
  const bad = await fails("Bad", ask("guarded", "bad"));
  assert.equal(bad.executed, true);
  const after = await fails("Late", ask("late", 1));
  assert.equal(after.executed, true);
  assert.equal(await ask("hooked", " tea "), "tea");
  assert.equal(await ask("hooked", "  "), "nothing");
  assert.deepEqual(await ask("hooked", "bad"), { was: "Bad" });
  assert.deepEqual(await readAll(await ask("items")), [1, 2]);
  caller.runtime.use({
    request: async (call, next) => {
      if (call.params === "twice") return [await next(), await next({ ...call, params: "other" })];
      return await next();
    },
  });
  assert.deepEqual(await ask("guarded", "twice"), ["twice", "other"]);
});

Deno.test("logging() says each call and event with its time and code, and nothing of what is in it", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const lines: unknown[] = [];
  const write = (level: string) => (message: string, fields = {}) =>
    void lines.push([level, message, fields]);
  mesh.log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  } as Logger;
  const logged = mesh.add("c");
  await settle();
  logged.runtime.use(logging());
  await logged.runtime.addService({
    path: "work",
    actions: {
      take: () => 1,
      fail: () => {
        throw new ActionError("Broken", "a secret");
      },
    },
  });
  logged.runtime.subscribe("news", () => {});
  await settle();
  lines.length = 0;
  await caller.runtime.request("work/take", "a secret", { metadata: { token: "a secret" } });
  await fails("Broken", caller.runtime.request("work/fail"));
  await provider.runtime.publish("news", "a secret");
  await settle();
  assert.deepEqual(lines, [
    ["info", "action", { path: "work/take", from: "a", tookMs: 0 }],
    ["warn", "action failed", { path: "work/fail", from: "a", tookMs: 0, code: "Broken" }],
    ["info", "event", { topic: "news", from: "b", tookMs: 0 }],
  ]);
});

Deno.test("cache() answers by its keys until they are old, and keeps to its bounds", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  let ran = 0;
  const kept = cache({ keys: ["sku", "from.city", "#currency"], ttlMs: 1_000, maxEntries: 2 });
  const price = (params: unknown) => {
    ran++;
    if (params === undefined) throw new ActionError("NoSku", "which one?");
    return { cents: ran };
  };
  await provider.runtime.addService({
    path: "stock",
    actions: { price: { handler: price, middleware: [kept] } },
  });
  await settle();
  const ask = (params: unknown, metadata = {}) =>
    mesh.until(caller.runtime.request("stock/price", params, { metadata }));
  assert.deepEqual(await ask({ sku: 1, more: 1 }), { cents: 1 });
  assert.deepEqual(await ask({ more: 2, sku: 1 }), { cents: 1 });
  assert.deepEqual(await ask({ sku: 1 }, { currency: "eur" }), { cents: 2 }, "metadata");
  assert.deepEqual(await ask({ sku: 1, from: { city: "Bonn" } }), { cents: 3 }, "a field inside");
  assert.deepEqual([kept.size, kept.hits, kept.misses], [2, 1, 3]);
  assert.deepEqual(await ask({ sku: 1 }), { cents: 4 }, "the oldest has gone");
  await mesh.run(1_000);
  assert.deepEqual(await ask({ sku: 1 }), { cents: 5 }, "old");
  await fails("NoSku", caller.runtime.request("stock/price"));
  await fails("NoSku", caller.runtime.request("stock/price"));
  assert.equal(ran, 7, "failures are not kept");
  kept.clear("stock/*");
  assert.equal(kept.size, 0);
  const tight = cache({ maxBytes: 4_000, requests: "stock/*" });
  caller.runtime.use(tight);
  const first = await ask({ sku: "x".repeat(2_000) });
  assert.deepEqual(await ask({ sku: "x".repeat(2_000) }), first, "at the caller's end");
  assert.equal(tight.hits, 1);
  await ask({ sku: "y".repeat(2_000) });
  assert.equal(tight.size, 1);
  assert.throws(() => cache({ ttlMs: 0 }), { code: "InvalidService" });
});

Deno.test("metrics() counts by path and outcome, and only() limits it to some", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const counted = metrics();
  const [served, some] = [metrics(), metrics()];
  provider.runtime.use(served, only(["work/fail", "news/>"], some));
  caller.runtime.use(counted);
  await provider.runtime.addService({
    path: "work",
    actions: {
      slow: () => new Promise((resolve) => mesh.timers.setTimer(50, () => resolve(1))),
      fail: () => {
        throw new ActionError("Broken", "no");
      },
    },
    subscriptions: { "news/*": () => {} },
  });
  await settle();
  await mesh.until(caller.runtime.request("work/slow"));
  for (let i = 0; i < 2; i++) await fails("Broken", mesh.until(caller.runtime.request("work/fail")));
  await caller.runtime.publish("news/late");
  await settle();
  assert.deepEqual(
    [counted.count("request", "work/slow"), counted.count("request", "work/fail", "Broken")],
    [1, 2],
  );
  assert.deepEqual([counted.count("publish", "news/late"), served.count("event", "news/late")], [1, 1]);
  assert.deepEqual([served.count("action", "work/slow"), some.count("action", "work/slow")], [1, 0]);
  assert.deepEqual([some.count("action", "work/fail", "Broken"), some.count("event", "news/late")], [2, 1]);
  const text = served.prometheus();
  assert.ok(text.includes('weft_service_total{kind="action",path="work/fail",outcome="Broken"} 2\n'));
  assert.ok(
    text.includes('weft_service_duration_seconds_bucket{kind="action",path="work/slow",le="0.025"} 0\n'),
  );
  assert.ok(
    text.includes('weft_service_duration_seconds_bucket{kind="action",path="work/slow",le="0.1"} 1\n'),
  );
});

Deno.test("tracing() makes a span of each step, those of others beneath what came along", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const spans: Span[] = [];
  const onSpan = (span: Span) => {
    spans.push(span);
    throw new Error("a broken exporter");
  };
  for (const { runtime } of [caller, provider]) runtime.use(tracing({ onSpan }));
  await provider.runtime.addService({
    path: "orders",
    actions: {
      place: async (_: unknown, context) => {
        await context.publish("placed", 1);
        return context.traceparent;
      },
    },
  });
  caller.runtime.subscribe("placed", () => {});
  await settle();
  await mesh.until(caller.runtime.request("orders/place"));
  await settle();
  const [request, served, published, heard] = ["client", "server", "producer", "consumer"]
    .map((kind) => spans.find((span) => span.kind === kind));
  assert.equal(spans.length, 4);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.equal(request?.parentSpanId, undefined);
  assert.equal(served?.parentSpanId, request?.spanId);
  assert.equal(published?.parentSpanId, served?.spanId);
  assert.equal(heard?.parentSpanId, published?.spanId);
  spans.length = 0;
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const inside = await mesh.until(caller.runtime.request("orders/place", 1, { traceparent }));
  assert.match(String(inside), /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  assert.deepEqual(spans, [], "its beginner does not sample it");
});

Deno.test("validation() refuses calls and events at the end where they begin, and events where they are heard", async () => {
  const [mesh, caller, provider] = await two();
  await using _ = mesh;
  const order: Schema<unknown, { id: number }> = {
    "~standard": {
      version: 1,
      vendor: "weft tests",
      validate: (value) => {
        const id = (value as { id?: unknown })?.id;
        return typeof id === "number"
          ? { value: { id: Math.floor(id) } }
          : { issues: [{ message: "no id" }] };
      },
    },
  };
  const shop = defineService({
    path: "shop",
    actions: { take: action({ params: order, handler: ({ id }) => id }) },
    events: { placed: { schema: order } },
  });
  await provider.runtime.addService(shop);
  const heard: unknown[] = [];
  const subscription = provider.runtime.subscribe("shop/placed", ({ data }) => heard.push(data), {
    middleware: [validation(shop)],
  });
  await settle();
  await caller.runtime.publish("shop/placed", { id: 1.5 });
  await caller.runtime.publish("shop/placed", "nonsense");
  await settle();
  assert.deepEqual([heard, subscription.failed], [[{ id: 1 }], 1]);
  caller.runtime.use(validation(shop));
  const before = mesh.posted;
  await fails("InvalidParams", caller.runtime.request("shop/take", {}));
  await fails("InvalidParams", caller.runtime.publish("shop/placed", {}));
  assert.equal(mesh.posted, before, "nothing was sent");
  assert.equal(await caller.runtime.request("shop/take", { id: 2.5 }), 2);
});

Deno.test("what a handler throws is the cause for callers of its program, behind middleware as without", async () => {
  const [mesh, caller] = await two();
  await using _ = mesh;
  const bug = new TypeError("a bug");
  const seen: unknown[] = [];
  const fail = () => {
    throw bug;
  };
  const around: Middleware = {
    action: (_, next) =>
      next().catch((error) => {
        seen.push(error.cause);
        throw error;
      }),
  };
  await caller.runtime.addService({
    path: "shop",
    actions: {
      plain: fail,
      behind: { handler: fail, middleware: [around] },
      instead: { handler: () => 1, middleware: [{ action: fail }] },
    },
  });
  for (const action of ["plain", "behind", "instead"]) {
    const error = await fails("HandlerFailed", caller.runtime.request(`shop/${action}`));
    assert.equal(error.cause, bug, action);
  }
  assert.deepEqual(seen, [bug], "middleware sees it, too");
});
