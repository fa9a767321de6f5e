import assert from "node:assert/strict";
import { MAX_PATTERNS } from "../registry/advert_builder.ts";
import { MAX_WAITING_EVENTS } from "./event_sender.ts";
import type { ServiceEvent } from "../mod.ts";
import { MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { decodeNodeMessage } from "../wire/node_message.ts";
import { MAX_RETAINED, MAX_RETAINED_BYTES } from "./retained_events.ts";

function meshOf(names: string): [MemoryMesh, MemoryNode[]] {
  const mesh = new MemoryMesh();
  return [mesh, [...names].map((name) => mesh.add(name))];
}

/** Subscribes, and notes who received what. */
function listen(node: MemoryNode, pattern: string, received: string[], options = {}) {
  return node.runtime.subscribe(pattern, ({ data }) => void received.push(`${node.id}:${data}`), options);
}

Deno.test("PubSub.publish() reaches every subscriber once with all, those of this node with local_only", async () => {
  const [mesh, [a, b, c]] = meshOf("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  const received: string[] = [];
  listen(a, "orders/*", received);
  listen(b, "orders/>", received);
  listen(b, "orders/{id}", received);
  listen(c, "users/*", received);
  await settle();
  assert.deepEqual(await a.runtime.publish("orders/1", "x"), { local: 1, sent: 1, lost: 0 });
  await settle();
  assert.deepEqual(received.sort(), ["a:x", "b:x", "b:x"]);
  received.length = 0;
  assert.deepEqual(await b.runtime.publish("orders/1", "y", { broadcastMode: "local_only" }), {
    local: 2,
    sent: 0,
    lost: 0,
  });
  await settle();
  assert.deepEqual(received, ["b:y", "b:y"]);
  assert.deepEqual(await a.runtime.publish("nobody/listens", 1), { local: 0, sent: 0, lost: 0 });
  assert.deepEqual(await a.runtime.publish("other:orders/1", 1), { local: 0, sent: 0, lost: 0 });
});

Deno.test("PubSub.publish() with one_per_service reaches one node of each service, this one first, and all subscribers without one", async () => {
  const [mesh, [a, b, c]] = meshOf("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  const received: string[] = [];
  for (const node of [a, b, c]) {
    await node.runtime.addService({
      path: "mail",
      subscriptions: { "orders/*": ({ data }) => void received.push(`mail@${node.id}:${data}`) },
    });
  }
  for (const node of [b, c]) {
    await node.runtime.addService({
      path: "stock",
      subscriptions: { "orders/>": ({ data }) => void received.push(`stock@${node.id}:${data}`) },
    });
  }
  listen(a, "orders/1", received);
  listen(c, ">", received);
  await settle();
  const publish = async (node: MemoryNode, data: number) => {
    received.length = 0;
    await node.runtime.publish("orders/1", data, { broadcastMode: "one_per_service" });
    await settle();
    return received.toSorted();
  };
  const first = await publish(a, 1);
  const second = await publish(a, 2);
  assert.deepEqual(first, ["a:1", "c:1", "mail@a:1", "stock@b:1"]);
  assert.deepEqual(second, ["a:2", "c:2", "mail@a:2", "stock@c:2"], "the other one's turn");
  assert.deepEqual(await publish(b, 3), ["a:3", "c:3", "mail@b:3", "stock@b:3"]);
  await a.runtime.removeService("mail");
  await settle();
  const last = await publish(a, 4);
  assert.equal(last.filter((one) => one.startsWith("mail@")).length, 1, last.join());
});

Deno.test("Subscriptions.deliver() hands over topic, parameters, time and publisher", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const events: ServiceEvent[] = [];
  b.runtime.subscribe("orders/{id}/{what}", (event) => void events.push(event));
  b.runtime.subscribe("shop:orders/{id}/*", (event) => void events.push(event));
  await settle();
  mesh.timers.advance(1_234);
  await a.runtime.publish("orders/42/paid", { cents: 5 });
  await a.runtime.publish("shop:orders/43/paid", Uint8Array.of(1));
  await a.runtime.publish("orders/44/sent");
  await settle();
  const publishedAt = mesh.clock.wall();
  const rest = { publishedAt, isPast: false, publisher: a.id, metadata: {}, traceparent: undefined };
  assert.deepEqual(events, [
    { topic: "orders/42/paid", data: { cents: 5 }, params: { id: "42", what: "paid" }, ...rest },
    { topic: "shop:orders/43/paid", data: Uint8Array.of(1), params: { id: "43" }, ...rest },
    { topic: "orders/44/sent", data: undefined, params: { id: "44", what: "sent" }, ...rest },
  ]);
  await assert.rejects(a.runtime.publish("no topic", 1), { code: "InvalidTopic" });
  await assert.rejects(a.runtime.publish("a/b", Symbol()), { code: "InvalidParams" });
  assert.throws(() => a.runtime.subscribe("a/>/b", () => {}), { code: "InvalidTopic" });
  assert.throws(() => a.runtime.subscribe("a", () => {}, { queue: 0 }), { code: "InvalidService" });
  assert.throws(() => a.runtime.subscribe("a", () => {}, { group: "x".repeat(256) }), {
    code: "InvalidService",
  });
});

Deno.test("Subscription counts a handler that fails, and others still get the event", async () => {
  const [mesh, [a]] = meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const received: string[] = [];
  const bad = a.runtime.subscribe("x", () => {
    throw new Error("a bug");
  });
  const late = a.runtime.subscribe("x", () => Promise.reject(new Error("a late bug")));
  listen(a, "x", received);
  for (const i of [1, 2, 3]) await a.runtime.publish("x", i);
  await settle();
  assert.deepEqual(received, ["a:1", "a:2", "a:3"]);
  assert.deepEqual([bad.failed, late.failed, late.dropped], [3, 3, 0]);
});

Deno.test("Subscription runs handlers one at a time or as many as its concurrency says, and drops the oldest when too many wait", async () => {
  const [mesh, [a]] = meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const started: unknown[] = [];
  const gates: (() => void)[] = [];
  const handler = ({ data }: ServiceEvent) => {
    started.push(data);
    return new Promise<void>((resolve) => gates.push(resolve));
  };
  const slow = a.runtime.subscribe("slow", handler, { queue: 3 });
  for (let i = 0; i < 7; i++) await a.runtime.publish("slow", i);
  assert.deepEqual([started, slow.dropped], [[0], 3]);
  for (let i = 0; i < 4; i++) {
    gates.shift()?.();
    await settle();
  }
  assert.deepEqual(started, [0, 4, 5, 6]);
  started.length = gates.length = 0;
  const wide = a.runtime.subscribe("wide", handler, { concurrency: 2 });
  for (let i = 0; i < 4; i++) await a.runtime.publish("wide", i);
  assert.deepEqual(started, [0, 1]);
  wide.unsubscribe();
  wide.unsubscribe();
  for (const gate of gates) gate();
  await settle();
  assert.deepEqual(started, [0, 1], "what waited is gone with the subscription");
});

Deno.test("ServiceRuntime.on() gives events to a loop, and drops the oldest when nobody reads", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const read: unknown[] = [];
  const stream = b.runtime.on("x/*", { queue: 10 });
  await settle();
  for (let i = 0; i < 100; i++) await a.runtime.publish("x/y", i);
  await settle();
  assert.equal(stream.dropped, 90);
  for await (const { data } of stream) {
    read.push(data);
    if (read.length === 10) void a.runtime.publish("x/y", "live");
    if (read.length === 11) break;
  }
  assert.deepEqual(read, [90, 91, 92, 93, 94, 95, 96, 97, 98, 99, "live"]);
  await settle();
  assert.deepEqual(await a.runtime.publish("x/y", 1), { local: 0, sent: 0, lost: 0 });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  const waiting = a.runtime.on("z");
  const next = waiting.next();
  await waiting.return?.();
  assert.deepEqual(await next, { done: true, value: undefined });
});

Deno.test("PubSub delivers retained events first to a subscription that includes the past, from this node and from others", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  await a.runtime.publish("state/one", 1, { retain: true });
  mesh.timers.advance(1);
  await a.runtime.publish("state/one", 2, { retain: true });
  await a.runtime.publish("state/two", 3, { retain: true });
  await a.runtime.publish("state/none", 4);
  await settle();
  for (const node of [a, b]) {
    const past: unknown[] = [];
    const note = ({ topic, data, isPast }: ServiceEvent) => void past.push([topic, data, isPast]);
    node.runtime.subscribe("state/*", note, { includePast: true });
    const none: string[] = [];
    listen(node, "state/*", none);
    await mesh.run(20);
    assert.deepEqual(past, [["state/one", 2, true], ["state/two", 3, true]], node.id);
    await a.runtime.publish("state/one", 5);
    await settle();
    assert.deepEqual(past.slice(2), [["state/one", 5, false]]);
    assert.deepEqual(none, [`${node.id}:5`]);
  }
  // Without data it is forgotten.
  await a.runtime.publish("state/one", undefined, { retain: true });
  await a.runtime.publish("state/two", undefined, { retain: true });
  await settle();
  assert.equal(a.runtime.advert().retains, false);
  const late: string[] = [];
  listen(b, "state/*", late, { includePast: true });
  await mesh.run(20);
  assert.deepEqual(late, []);
});

Deno.test("Subscription drops a past event that is older than one it has delivered", async () => {
  const [mesh, [a, b, c]] = meshOf("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  await a.runtime.publish("state", "old", { retain: true });
  mesh.timers.advance(10);
  await b.runtime.publish("state", "new", { retain: true });
  await settle();
  const received: string[] = [];
  // The newer one comes first.
  mesh.watch = (from, _, message) => {
    const decoded = decodeNodeMessage(message);
    if (from !== a.id || decoded?.kind !== "event") return;
    const bytes = message.slice();
    mesh.timers.setTimer(50, () => c.runtime.handleMessage(a.id, bytes));
    return false;
  };
  listen(c, "state", received, { includePast: true });
  await mesh.run(100);
  assert.deepEqual(received, ["c:new"]);
});

Deno.test("RetainedEvents is bounded in number and in bytes, and drops the oldest", async () => {
  const [mesh, [a]] = meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const past = async (pattern: string) => {
    const topics: string[] = [];
    const options = { includePast: true };
    a.runtime.subscribe(pattern, ({ topic }) => void topics.push(topic), options).unsubscribe();
    return await Promise.resolve(topics);
  };
  for (let i = 0; i < MAX_RETAINED + 10; i++) await a.runtime.publish(`state/${i}`, i, { retain: true });
  const topics = await past("state/*");
  assert.deepEqual([topics.length, topics[0]], [MAX_RETAINED, "state/10"]);
  const quarter = new Uint8Array(MAX_RETAINED_BYTES / 4);
  for (let i = 0; i < 6; i++) await a.runtime.publish(`big/${i}`, quarter, { retain: true });
  assert.deepEqual(await past("big/*"), ["big/2", "big/3", "big/4", "big/5"]);
  assert.deepEqual(await past("state/*"), []);
});

Deno.test("buildAdvert() advertises ten thousand subscriptions in few patterns, and every event arrives", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const received: string[] = [];
  const start = performance.now();
  for (let i = 0; i < 10_000; i++) listen(b, `area${i % 100}/{id}/event-${i}`, received);
  await settle();
  const told = b.runtime.advert().subscriptions;
  assert.deepEqual([told.length, told[0]], [100, { pattern: "area0/>", group: "" }]);
  assert.ok(told.length <= MAX_PATTERNS);
  for (let i = 0; i < 10_000; i += 77) await a.runtime.publish(`area${i % 100}/7/event-${i}`, i);
  await settle();
  assert.equal(received.length, 130);
  // Where patterns begin in too many ways, everything is sent.
  for (let i = 0; i < 600; i++) listen(b, `other${i}/x`, received, { group: `g${i % 3}` });
  await settle();
  const coarse = b.runtime.advert().subscriptions;
  assert.deepEqual(coarse.map(({ pattern, group }) => `${pattern} ${group}`).sort(), [
    "> ",
    "> g0",
    "> g1",
    "> g2",
  ]);
  received.length = 0;
  await a.runtime.publish("other17/x", 1);
  await a.runtime.publish("other18/x", 2, { broadcastMode: "one_per_service" });
  await settle();
  assert.deepEqual(received, ["b:1", "b:2"]);
  const seconds = (performance.now() - start) / 1_000;
  assert.ok(seconds < 20, `${seconds} s`);
  const rounds = 1_000;
  const before = performance.now();
  for (let i = 0; i < rounds; i++) {
    void b.runtime.publish("area5/x/event-5", i, { broadcastMode: "local_only" });
  }
  const each = (performance.now() - before) / rounds;
  assert.ok(each < 0.5, `${each} ms to publish among ten thousand subscriptions`);
});

Deno.test("PubSub.publish() with one_per_service finds the one that listens among nodes with many patterns", async () => {
  const [mesh, [a, b, c]] = meshOf("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  const received: string[] = [];
  for (let i = 0; i < 400; i++) {
    listen(b, `area/even-${2 * i}`, received, { group: "work" });
    listen(c, `area/odd-${2 * i + 1}`, received, { group: "work" });
    listen(b, `other${i}/x`, received);
  }
  await settle();
  const told = b.runtime.advert().subscriptions;
  assert.deepEqual([told.length, told[0]], [401, { pattern: ">", group: "" }]);
  for (let i = 0; i < 100; i++) {
    const topic = i % 2 === 0 ? `area/even-${i}` : `area/odd-${i}`;
    await a.runtime.publish(topic, i, { broadcastMode: "one_per_service" });
  }
  await settle();
  assert.deepEqual(received, Array.from({ length: 100 }, (_, i) => `${i % 2 === 0 ? "b" : "c"}:${i}`));
});

Deno.test("EventSender keeps the order of one publisher's events, of large ones among themselves", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const small: unknown[] = [];
  const large: unknown[] = [];
  b.runtime.subscribe("small", ({ data }) => void small.push(data));
  b.runtime.subscribe(
    "large",
    ({ data }) => void large.push([(data as Uint8Array).length, (data as Uint8Array)[0]]),
  );
  await settle();
  const reports: Promise<unknown>[] = [];
  for (let i = 0; i < 50; i++) {
    reports.push(a.runtime.publish("small", i));
    if (i % 10 === 0) reports.push(a.runtime.publish("large", new Uint8Array(300_000).fill(i)));
  }
  for (const report of await Promise.all(reports)) assert.deepEqual(report, { local: 0, sent: 1, lost: 0 });
  await settle();
  assert.deepEqual(small, Array.from({ length: 50 }, (_, i) => i));
  assert.deepEqual(large, [0, 10, 20, 30, 40].map((i) => [300_000, i]));
  assert.equal(mesh.openStreams, 0);
  await assert.rejects(a.runtime.publish("large", new Uint8Array(17 << 20)), { code: "PayloadTooLarge" });
});

Deno.test("EventSender counts events as lost for a node that is down, and bounds those that wait for a link", async () => {
  const [mesh, [a, b, c]] = meshOf("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  const received: string[] = [];
  listen(b, "x", received);
  listen(c, "x", received);
  await settle();
  mesh.crash(b);
  assert.deepEqual(await a.runtime.publish("x", 1), { local: 0, sent: 1, lost: 1 });
  const burst = Array.from({ length: 3 * MAX_WAITING_EVENTS }, (_, i) => a.runtime.publish("x", i));
  const reports = await Promise.all(burst);
  assert.ok(reports.every(({ sent, lost }) => sent === 1 && lost === 1));
  assert.equal(received.length, 1 + burst.length);
});

Deno.test("Subscription.unsubscribe() withdraws the pattern, so that others send no more", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const received: string[] = [];
  {
    using _subscription = listen(b, "x", received);
    await settle();
    assert.equal((await a.runtime.publish("x", 1)).sent, 1);
    await settle();
  }
  await settle();
  assert.equal((await a.runtime.publish("x", 2)).sent, 0);
  assert.deepEqual(received, ["b:1"]);
});

Deno.test("ServiceRuntime.addService() subscribes for the service, and removeService() ends that", async () => {
  const [mesh, [a, b]] = meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const received: unknown[] = [];
  const subscriptions = { "x/{id}": ({ params }: ServiceEvent) => void received.push(params.id) };
  await b.runtime.addService({ path: "ears", subscriptions });
  await settle();
  await a.runtime.publish("x/1");
  await settle();
  await b.runtime.removeService("ears");
  await settle();
  assert.equal((await a.runtime.publish("x/2")).sent, 0);
  await assert.rejects(b.runtime.addService({ path: "bad", subscriptions: { "x/>/y": () => {} } }), {
    code: "InvalidTopic",
  });
  const start = () => Promise.reject(new Error("not today"));
  await assert.rejects(b.runtime.addService({ path: "bad", subscriptions, start }), { message: "not today" });
  await settle();
  assert.deepEqual(b.runtime.advert().subscriptions, []);
  assert.deepEqual(received, ["1"]);
});
