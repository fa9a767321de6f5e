import assert from "node:assert/strict";
import { TestMesh, type TestNode } from "./mod.ts";
import { codeOf, who } from "./testing/stock_service.ts";

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

Deno.test("TestMesh.impair() without names is for nodes that come later, too", async () => {
  await using mesh = new TestMesh();
  mesh.impair({ delayMs: 10 });
  const [shop, store] = await mesh.addNodes("shop", "store");
  await store.addService(who(store));
  await mesh.until(shop.request("stock/who"));
  assert.equal(mesh.nowMs, 20);
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

Deno.test("TestNode.stop() drains: calls that are under way end, and others go to another node", async () => {
  await using mesh = new TestMesh();
  const shop = await mesh.addNode("shop");
  const hold = (node: TestNode) => ({
    path: "stock",
    actions: { who: () => node.name, hold: (ms: number) => mesh.sleep(ms).then(() => node.name) },
  });
  const [east, west] = await mesh.addNodes("east", "west");
  for (const node of [east, west]) await node.addService(hold(node));
  const held = shop.request("stock/hold", 2_000, { node: "east" });
  await mesh.settle();
  const late = Array.from({ length: 4 }, () => shop.request("stock/who", undefined, { mode: "random" }));
  const stopped = east.stop();
  // Those that are on their way are told, without time.
  assert.deepEqual(await Promise.all(late), ["west", "west", "west", "west"]);
  assert.equal(shop.services("stock")[0]?.providers.length, 1);
  assert.equal(mesh.nowMs, 0);
  assert.equal(await mesh.until(held), "east");
  await mesh.until(stopped);
  await east.closed;

  // What takes longer than it may is cut off, and where messages take their time it waits for those.
  const lost = codeOf(shop.request("stock/hold", 60_000));
  await mesh.settle();
  const before = mesh.nowMs;
  await mesh.until(west.stop({ drainMs: 500 }));
  assert.deepEqual([await lost, mesh.nowMs - before], ["OutcomeUnknown", 500]);
  await mesh.restart(east);
  await east.addService(hold(east));
  mesh.impair({ delayMs: 20 });
  const sent = codeOf(shop.request("stock/who", undefined, { retries: 0 }));
  await mesh.until(east.stop());
  assert.equal(await sent, "Stopped");
});

Deno.test("TestNode.stop() of a program and TestMesh.stop() drain, too", async () => {
  const mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  const program = await mesh.attach(store);
  for (const [node, path] of [[program, "mine"], [store, "stock"]] as const) {
    await node.addService({ path, actions: { hold: () => mesh.sleep(300).then(() => path) } });
  }
  await mesh.settle();
  const ofProgram = shop.request("mine/hold");
  await mesh.settle();
  await mesh.until(program.stop());
  assert.deepEqual([await ofProgram, mesh.nowMs], ["mine", 310]);
  const ofStore = shop.request("stock/hold");
  await mesh.settle();
  await mesh.stop();
  assert.equal(await ofStore, "stock");
});
