import assert from "node:assert/strict";
import { definePolicy } from "../policy/mod.ts";
import { CallError, defineService, type ServiceDefinition } from "../service/mod.ts";
import { type SentMessage, TestMesh, type TestNode } from "./mod.ts";

const who = (node: TestNode, more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  path: "stock",
  actions: { who: { idempotent: true, handler: () => node.name }, sell: () => node.name },
  ...more,
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => assert.fail(`answered ${JSON.stringify(value)}`),
    (error) => error,
  );
  assert.ok(error instanceof CallError, String(error));
  return error.code;
}

Deno.test("TestMesh has nodes that find and call each other at once, without time", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  await store.addService(who(store));
  assert.equal(await shop.request("stock/who"), "store");
  const stock = defineService({
    path: "math",
    actions: { add: ({ a, b }: { a: number; b: number }) => a + b },
  });
  await store.addService(stock);
  assert.equal(await shop.service<typeof stock>("math").request("add", { a: 1, b: 2 }), 3);
  assert.equal(shop.services("stock").length, 1);
  const heard: unknown[] = [];
  shop.subscribe("orders/*", ({ data }) => void heard.push(data));
  const report = await store.publish("orders/placed", { id: 7 });
  await mesh.settle();
  assert.deepEqual([report.sent, heard, mesh.nowMs], [1, [{ id: 7 }], 0]);
  assert.equal(await store.removeService("stock"), true);
  assert.equal(await codeOf(shop.request("stock/who", undefined, { retries: 0 })), "NoProvider");
  assert.deepEqual(mesh.nodes.map(({ name }) => name), ["shop", "store"]);
  assert.equal(mesh.node("shop"), shop);
});

Deno.test("TestMesh has others know later what a node offers, when it is told so", async () => {
  await using mesh = new TestMesh({ advertDelayMs: 200 });
  const [shop, store] = await mesh.addNodes("shop", "store");
  await store.addService(who(store));
  assert.deepEqual(shop.services("stock"), []);
  await mesh.advance(200);
  assert.equal(await shop.request("stock/who"), "store");
});

Deno.test("TestMesh.impair() delays what goes over a link, in order, messages and streams", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  mesh.impair({ delayMs: 50, jitterMs: 40 }, shop, store);
  const numbers: unknown[] = [];
  await store.addService({
    path: "stock",
    actions: {
      who: () => "store",
      async *count() {
        yield* [1, 2, 3];
      },
    },
    subscriptions: { "numbers/next": ({ data }) => void numbers.push(data) },
  });
  const call = shop.request("stock/who");
  await mesh.advance(99);
  assert.equal(await mesh.until(call), "store");
  assert.ok(mesh.nowMs >= 100 && mesh.nowMs <= 180, `${mesh.nowMs}`);
  for (let i = 0; i < 20; i++) await shop.publish("numbers/next", i);
  await mesh.advance(90);
  assert.deepEqual(numbers, Array.from({ length: 20 }, (_, i) => i));
  const before = mesh.nowMs;
  const items = await mesh.until(
    shop.request<ReadableStream<number>>("stock/count").then((stream) => Array.fromAsync(stream)),
  );
  assert.deepEqual(items, [1, 2, 3]);
  assert.ok(mesh.nowMs - before >= 100, `${mesh.nowMs - before}`);
  const large = new Uint8Array(100_000).fill(7);
  await store.addService({ path: "echo", actions: { back: (bytes: Uint8Array) => bytes } });
  assert.deepEqual(await mesh.until(shop.request("echo/back", large)), large);
  // Nothing overtakes what is still on its way.
  await mesh.advance(90);
  mesh.heal();
  const healed = mesh.nowMs;
  assert.equal(await shop.request("stock/who"), "store");
  assert.equal(mesh.nowMs, healed);
});

Deno.test("TestMesh delays, holds and breaks a stream that is open", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  let next = Promise.withResolvers<void>();
  await store.addService({
    path: "stock",
    actions: {
      async *count() {
        for (let i = 1;; i++) {
          yield i;
          await next.promise;
          next = Promise.withResolvers();
        }
      },
    },
  });
  const reader = (await shop.request<ReadableStream<number>>("stock/count")).getReader();
  assert.equal((await reader.read()).value, 1);
  mesh.impair({ delayMs: 500 });
  next.resolve();
  assert.equal((await mesh.until(reader.read())).value, 2);
  assert.equal(mesh.nowMs, 500);
  mesh.heal();
  mesh.freeze(store);
  const third = reader.read();
  next.resolve();
  await mesh.advance(10_000);
  assert.equal(await Promise.race([third, "held"]), "held");
  mesh.thaw(store);
  assert.equal((await mesh.until(third)).value, 3);
  mesh.cut(shop, store);
  assert.equal(await codeOf(mesh.until(reader.read())), "StreamBroken");
});

Deno.test("TestMesh loses what is on its way when a link breaks", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  const heard: unknown[] = [];
  store.subscribe("orders/*", ({ data }) => void heard.push(data));
  mesh.impair({ delayMs: 100 });
  await shop.publish("orders/placed", "lost");
  await mesh.advance(50);
  mesh.cut(shop, store);
  mesh.heal();
  await shop.publish("orders/placed", "kept");
  await mesh.advance(200);
  assert.deepEqual(heard, ["kept"]);
});

Deno.test("TestNode.request() lets a test look at a failure later", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  const stock = defineService({ path: "stock", actions: { count: () => mesh.sleep(60_000) } });
  await store.addService(stock);
  const calls = [shop.request("stock/count"), shop.service<typeof stock>("stock").request("count")];
  await mesh.advance(11_000);
  for (const call of calls) assert.equal(await codeOf(call), "Timeout");
});

Deno.test("TestMesh.impair() without names is for nodes that come later, too", async () => {
  await using mesh = new TestMesh();
  mesh.impair({ delayMs: 10 });
  const [shop, store] = await mesh.addNodes("shop", "store");
  await store.addService(who(store));
  await mesh.until(shop.request("stock/who"));
  assert.equal(mesh.nowMs, 20);
});

/** @returns what came of a hundred calls over links that lose and delay, and all that was sent */
async function lossyRun(seed: number): Promise<readonly [readonly string[], readonly SentMessage[]]> {
  await using mesh = new TestMesh({ seed });
  const [shop, east, west] = await mesh.addNodes("shop", "east", "west");
  for (const node of [east, west]) await node.addService(who(node));
  mesh.impair({ delayMs: 5, jitterMs: 5, loss: 0.2 });
  const sent: SentMessage[] = [];
  using _ = mesh.watch((message) => sent.push(message));
  const calls = Array.from(
    { length: 100 },
    () =>
      shop.request<string>("stock/sell", undefined, { mode: "random", timeoutMs: 500 }).catch(({ code }) =>
        code
      ),
  );
  return [await mesh.until(Promise.all(calls)), sent];
}

Deno.test("TestMesh does the same again for the same seed, and something else for another", async () => {
  const [outcomes, sent] = await lossyRun(7);
  assert.deepEqual(await lossyRun(7), [outcomes, sent]);
  assert.notDeepEqual((await lossyRun(8))[0], outcomes);
  const count = (what: string) => outcomes.filter((outcome) => outcome === what).length;
  assert.ok(count("Timeout") > 10 && count("east") > 10 && count("west") > 10, outcomes.join());
  const first = sent.find(({ kind }) => kind === "request");
  assert.deepEqual([first?.from, first?.path], ["shop", "stock/sell"]);
});

Deno.test("TestMesh.cut() breaks a link at once, and heal() mends it; who is between tells what is offered", async () => {
  await using mesh = new TestMesh();
  const [shop, store, between] = await mesh.addNodes("shop", "store", "between");
  mesh.cut(shop, "store");
  await store.addService(who(store));
  assert.equal(shop.services("stock").length, 1, "it is known through the third");
  assert.equal(await between.request("stock/who"), "store");
  const call = shop.request("stock/who", undefined, { timeoutMs: 2_000 });
  assert.match(await codeOf(mesh.until(call)), /Unreachable|Timeout/);
  mesh.heal(shop, store);
  assert.equal(await shop.request("stock/who"), "store");

  mesh.cut(store);
  assert.equal(await store.removeService("stock"), true);
  assert.equal(shop.services("stock").length, 1, "nobody could say that it is gone");
  mesh.heal();
  assert.equal(shop.services("stock").length, 0);
});

Deno.test("TestMesh.partition() cuts groups off from each other", async () => {
  await using mesh = new TestMesh();
  const [a, b, c, d] = await mesh.addNodes("a", "b", "c", "d");
  for (const node of [b, c, d]) await node.addService(who(node));
  mesh.partition([a, b], [c, "d"]);
  const answers = (await mesh.until(a.request("stock/who", undefined, { mode: "all" }))) as { ok: boolean }[];
  assert.deepEqual(answers.map(({ ok }) => ok), [true, false, false]);
  mesh.heal();
  for (const node of ["b", "c", "d"]) assert.equal(await a.request("stock/who", undefined, { node }), node);
});

Deno.test("TestMesh.cutSilently() holds everything back until it is healed, or the link is given up", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  let sold = 0;
  await store.addService({ path: "stock", actions: { sell: () => ++sold } });
  mesh.cutSilently(shop, store);
  const late = shop.request("stock/sell", undefined, { timeoutMs: 20_000 });
  await mesh.advance(15_000);
  assert.equal(sold, 0);
  mesh.heal(shop, store);
  assert.deepEqual([await mesh.until(late), mesh.nowMs], [1, 15_000]);

  mesh.cutSilently(shop, store);
  const lost = shop.request("stock/sell", undefined, { timeoutMs: 60_000 });
  await mesh.advance(29_999);
  assert.equal(await Promise.race([lost, "waits"]), "waits");
  await mesh.advance(1);
  assert.equal(await codeOf(lost), "OutcomeUnknown");
  mesh.heal();
  assert.equal(await shop.request("stock/sell"), 2, "what was given up never came");
});

Deno.test("TestMesh.freeze() stops a node in its tracks, timers and all, and thaw() has it go on", async () => {
  await using mesh = new TestMesh();
  const [shop, store, other] = await mesh.addNodes("shop", "store", "other");
  await store.addService(who(store));
  await other.addService({ path: "clock", actions: { tick: () => 1 } });
  mesh.freeze(store);
  const call = shop.request("stock/who", undefined, { timeoutMs: 1_000, retries: 0 });
  assert.equal(await codeOf(mesh.until(call)), "Timeout");
  assert.equal(mesh.nowMs, 1_000);
  const held = shop.request("stock/who", undefined, { timeoutMs: 20_000 });
  const asked = store.request("clock/tick", undefined, { timeoutMs: 500 });
  await mesh.advance(5_000);
  assert.equal(
    await Promise.race([asked, "its deadline is no timer that fires"]),
    "its deadline is no timer that fires",
  );
  mesh.thaw(store);
  assert.equal(await mesh.until(held), "store");
  assert.equal(await codeOf(asked), "Timeout");
  assert.equal(mesh.nowMs, 6_000);

  // Others give it up after 30 s, and find it again.
  mesh.freeze(store);
  await mesh.advance(30_000);
  const failed = shop.request("stock/who", undefined, { timeoutMs: 1_000, retries: 0 });
  assert.match(await codeOf(mesh.until(failed)), /Unreachable|Timeout/);
  mesh.thaw(store);
  assert.equal(await mesh.until(shop.request("stock/who")), "store");
});

Deno.test("TestMesh.crash() ends a node without a word, and restart() has its program begin anew", async () => {
  await using mesh = new TestMesh();
  const shop = await mesh.addNode("shop");
  const hooks: string[] = [];
  class Stock {
    readonly path = "stock";
    readonly actions = { who: () => "store", hold: () => mesh.sleep(60_000) };
    #starts = 0;
    start() {
      hooks.push(`start ${++this.#starts}`);
    }
    stop() {
      hooks.push(`stop ${this.#starts}`);
    }
  }
  const store = await mesh.addNode("store", {
    setup: async (node) => void await node.addService(new Stock()),
  });
  await shop.addService({ path: "prices", actions: { wait: () => mesh.sleep(60_000) } });
  const toIt = shop.request("stock/hold");
  const ofIt = store.request("prices/wait");
  await mesh.settle();
  mesh.crash(store);
  mesh.crash(store);
  assert.equal(await codeOf(toIt), "OutcomeUnknown");
  assert.equal(await codeOf(ofIt), "Stopped");
  const denied = shop.request("stock/who", undefined, { timeoutMs: 1_000 });
  assert.match(await codeOf(mesh.until(denied)), /NoProvider|Unreachable|Timeout/);
  assert.deepEqual(hooks, ["start 1"]);

  await mesh.restart("store");
  assert.equal(await mesh.until(shop.request("stock/who")), "store");
  assert.deepEqual(hooks, ["start 1", "start 1"]);
  await store.stop();
  await store.closed;
  assert.deepEqual(hooks, ["start 1", "start 1", "stop 1"]);
  assert.equal(shop.services("stock").length, 0);
  await mesh.restart(store);
  assert.equal(await mesh.until(shop.request("stock/who")), "store");
});

Deno.test("TestMesh.stop() stops every node, the frozen and the cut off too", async () => {
  const mesh = new TestMesh();
  const stopped: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    const definition = Object.freeze({
      path: name,
      stop: async () => {
        await mesh.sleep(100);
        stopped.push(name);
      },
    });
    await (await mesh.addNode(name)).addService(definition);
  }
  mesh.freeze("a");
  mesh.cut("b");
  mesh.crash("c");
  const { closed } = mesh.node("d");
  await mesh.stop();
  await mesh.stop();
  await closed;
  assert.deepEqual(stopped, ["a", "b", "d"]);
});

Deno.test("TestMesh knows selectors, grants and policies", async () => {
  await using mesh = new TestMesh();
  const web = await mesh.addNode("web-1", {
    labels: { role: "web" },
    grants: { publish: ["page/>"], offer: [] },
  });
  const db = await mesh.addNode("db-1", {
    labels: { role: "db" },
    grants: { offer: ["orders", "stock/*"], publish: [], subscribe: [] },
  });
  const rest = await mesh.addNode("rest");
  await db.addService({ path: "orders", allow: "role=web", actions: { list: () => [], drop: () => 0 } });
  assert.deepEqual(await web.request("orders/list"), []);
  assert.equal(await codeOf(rest.request("orders/list")), "Refused");

  await assert.rejects(web.addService(who(web)), { code: "ServiceNotGranted" });
  await assert.rejects(rest.addService({ path: "orders" }), /db-1 has it/);
  await assert.rejects(db.addService({ path: "other" }), { code: "ServiceNotGranted" });
  await db.addService({ path: "stock/tea" });
  await web.publish("page/seen");
  assert.equal(await codeOf(web.publish("other/seen")), "Refused");
  assert.equal(await codeOf(rest.publish("orders/placed")), "Refused");
  await db.publish("orders/placed");
  assert.equal(await codeOf(db.publish("page/seen")), "Refused");
  const heard: string[] = [];
  for (const pattern of ["page/seen", "orders/*"]) {
    db.subscribe(pattern, ({ topic }) => void heard.push(topic));
  }
  const reports = [await web.publish("page/seen"), await db.publish("orders/placed")];
  await mesh.settle();
  assert.deepEqual([heard, reports.map(({ sent }) => sent)], [["orders/placed"], [0, 0]]);

  mesh.applyPolicy(definePolicy({
    policies: [{
      name: "tier",
      rules: [{ deny: { from: "role=web", to: "service:orders/drop" } }, { allow: { from: "*", to: "*" } }],
    }],
  }));
  await assert.rejects(web.request("orders/drop"), { code: "Refused", rule: "tier#1" });
  assert.deepEqual(await web.request("orders/list"), []);
  const late = await mesh.addNode("web-2", { labels: { role: "web" } });
  assert.equal(await codeOf(late.request("orders/drop")), "Refused");
  mesh.applyPolicy(undefined);
  assert.equal(await late.request("orders/drop"), 0);
});

Deno.test("TestMesh keeps what nodes log, and hands it on", async () => {
  const warned: unknown[] = [];
  const ignore = () => {};
  const warn = (message: string, fields: unknown) => void warned.push([message, fields]);
  await using mesh = new TestMesh({ logger: { debug: ignore, info: ignore, warn, error: ignore } });
  const [shop, store] = await mesh.addNodes("shop", "store");
  await store.addService({
    path: "stock",
    actions: {
      count: () => {
        throw new TypeError("a bug");
      },
    },
  });
  await mesh.advance(5);
  assert.equal(await codeOf(shop.request("stock/count")), "HandlerFailed");
  const lines = mesh.logs.filter(({ level }) => level === "warn");
  assert.deepEqual(lines.map(({ atMs, node, fields }) => [atMs, node, fields.action]), [[
    5,
    "store",
    "count",
  ]]);
  assert.equal(warned.length, 1);
});

Deno.test("TestMesh.attach() makes a program of a node, which ends alone", async () => {
  await using mesh = new TestMesh();
  const [shop] = await mesh.addNodes("shop", "store");
  const program = await mesh.attach("store");
  await program.addService({ path: "stock", actions: { who: () => program.name } });
  await mesh.settle();
  assert.equal(await shop.request("stock/who"), "store");
  await program.stop();
  await program.closed;
  await mesh.settle();
  assert.equal(await codeOf(shop.request("stock/who", undefined, { retries: 0 })), "NoProvider");
});

Deno.test("TestMesh refuses what makes no sense", async () => {
  await using mesh = new TestMesh();
  await mesh.addNode("shop");
  await assert.rejects(mesh.addNode("shop"), /there is a node of that name/);
  await assert.rejects(mesh.addNode("program:1"), /no node's name/);
  await assert.rejects(mesh.addNode("a", { grants: { offer: ["a//b"] } }), /no pattern/);
  assert.throws(() => mesh.cut("shop", "stroe"), /No node is called stroe: there are shop/);
  assert.throws(() => mesh.impair({ loss: 2 }), RangeError);
  assert.throws(() => mesh.impair({ delayMs: -1 }), RangeError);
});
