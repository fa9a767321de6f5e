import assert from "node:assert/strict";
import { definePolicy } from "../policy/mod.ts";
import { defineService } from "../service/mod.ts";
import { type SentMessage, TestMesh } from "./mod.ts";
import { codeOf, who } from "./testing/stock_service.ts";

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

Deno.test("TestNode.request() lets a test look at a failure later", async () => {
  await using mesh = new TestMesh();
  const [shop, store] = await mesh.addNodes("shop", "store");
  const stock = defineService({ path: "stock", actions: { count: () => mesh.sleep(60_000) } });
  await store.addService(stock);
  const calls = [shop.request("stock/count"), shop.service<typeof stock>("stock").request("count")];
  await mesh.advance(11_000);
  for (const call of calls) assert.equal(await codeOf(call), "Timeout");
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
