import assert from "node:assert/strict";
import { CallError } from "./mod.ts";
import { MemoryMesh, type MemoryNode, settle } from "./testing/memory_mesh.ts";
import { ALL_RIGHTS, allBut, type Forbidden } from "./testing/memory_rights.ts";
import { fails } from "./testing/outcome.ts";

const HOSTILE = "z";

/**
 * Honest nodes a and b, and one with the highest id that has a program of its own: by that it may do everything, by theirs
 * not what is forbidden to it.
 */
function setUp(
  forbidden: Forbidden,
): { mesh: MemoryMesh; a: MemoryNode; b: MemoryNode; hostile: MemoryNode } {
  const mesh = new MemoryMesh();
  mesh.rights = allBut({ [HOSTILE]: forbidden });
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  return { mesh, a, b, hostile: mesh.add(HOSTILE, { rights: ALL_RIGHTS }) };
}

const whoAnswers = (node: MemoryNode, mode?: "leader") => ({
  path: "math",
  ...mode === undefined ? {} : { mode },
  actions: { who: () => node.id },
  subscriptions: {},
});

Deno.test("NodeRuntime never calls a node that may not offer the service, in whatever mode, and lists it nowhere", async () => {
  const { mesh, a, b, hostile } = setUp({ offer: ["math"] });
  await using _ = mesh;
  await hostile.runtime.addService(whoAnswers(hostile));
  await settle();
  for (const options of [{}, { node: HOSTILE }, { mode: "random" }, { mode: "proximity" }] as const) {
    await fails(
      "NoProvider",
      mesh.until(a.runtime.request("math/who", undefined, { ...options, retries: 0 })),
    );
  }
  assert.deepEqual(a.runtime.report(), []);
  assert.deepEqual(a.runtime.directory.advertsOf(hostile.id).flatMap(({ services }) => services), []);
  assert.deepEqual([a.runtime.refusedAdverts, b.runtime.refusedAdverts], [1, 1]);
  await b.runtime.addService(whoAnswers(b));
  await settle();
  for (let i = 0; i < 4; i++) assert.equal(await a.runtime.request("math/who"), "b");
  const all = await a.runtime.request("math/who", undefined, { mode: "all" }) as unknown[];
  assert.equal(all.length, 1);
  assert.deepEqual(a.runtime.report("math")[0]?.providers.map(({ id }) => id), ["b"]);
});

Deno.test("NodeRuntime follows a right that is given, and one that is taken away", async () => {
  const { mesh, a, hostile } = setUp({ offer: ["math"] });
  await using _ = mesh;
  await hostile.runtime.addService(whoAnswers(hostile));
  await settle();
  const read = () => a.runtime.setAdverts(hostile.id, [hostile.runtime.advert()]);
  mesh.rights = ALL_RIGHTS;
  read();
  assert.equal(await a.runtime.request("math/who"), HOSTILE);
  assert.equal(a.runtime.refusedAdverts, 0);
  mesh.rights = allBut({ [HOSTILE]: { offer: ["math"] } });
  read();
  await fails("NoProvider", mesh.until(a.runtime.request("math/who")));
  assert.equal(a.runtime.refusedAdverts, 1);
  a.runtime.handlePeerGone(hostile.id);
  assert.equal(a.runtime.refusedAdverts, 0);
});

Deno.test("ServiceLeadership lets nobody lead who may not offer the service, however high its id is", async () => {
  const { mesh, a, b, hostile } = setUp({ offer: ["math"] });
  await using _ = mesh;
  await hostile.runtime.addService(whoAnswers(hostile, "leader"));
  await b.runtime.addService(whoAnswers(b, "leader"));
  await mesh.run(3_000, 100);
  for (const { runtime } of [a, b]) assert.equal(runtime.leadership.leaderOf("mesh:math"), "b");
  assert.equal(await mesh.until(a.runtime.request("math/who")), "b");
});

Deno.test("ServiceLeadership does not lead by a service that this node may not offer", async () => {
  const { mesh, b, hostile } = setUp({ offer: ["math"] });
  await using _ = mesh;
  const told: boolean[] = [];
  mesh.rights = allBut({ b: { offer: ["math"] }, [HOSTILE]: { offer: ["math"] } }, {
    claim: () => Promise.resolve("unanswered"),
  });
  await b.runtime.addService({ ...whoAnswers(b, "leader"), lead: (isLeader) => void told.push(isLeader) });
  await mesh.run(500, 100);
  assert.deepEqual([told, b.runtime.leadership.leaderOf("mesh:math")], [[], undefined]);
  assert.deepEqual(b.runtime.advert().services, [], "others are not told what they would leave out");
  mesh.rights = allBut({ [HOSTILE]: { offer: ["math"] } });
  b.runtime.handleRightsChange();
  await mesh.run(500, 100);
  assert.deepEqual([told, b.runtime.advert().services.length], [[true], 1]);
  assert.equal(hostile.runtime.leadership.leaderOf("mesh:math"), "b");
});

Deno.test("NodeRuntime delivers no event whose publisher may not publish the topic, long ones before they are read", async () => {
  const { mesh, a, b, hostile } = setUp({ publish: ["math/>"] });
  await using _ = mesh;
  const heard: string[] = [];
  const program = mesh.attach(a);
  for (const { runtime } of [a, program]) {
    runtime.subscribe(">", ({ topic, publisher }) => void heard.push(`${topic} of ${publisher}`), {
      includePast: true,
    });
  }
  await settle();
  const long = "x".repeat(100_000);
  for (const data of ["short", long]) {
    await hostile.runtime.publish("math/added", data);
    await hostile.runtime.publish("math/added", data, { broadcastMode: "one_per_service" });
    await hostile.runtime.publish("math/kept", data, { retain: true });
  }
  await mesh.run(200);
  assert.deepEqual(heard, []);
  assert.equal(a.runtime.refusedEvents, 6);
  assert.equal(mesh.openStreams, 0);
  await b.runtime.publish("math/added", 1);
  await hostile.runtime.publish("news/today", 1);
  await mesh.run(200);
  assert.deepEqual(heard.sort(), [
    "math/added of agent",
    "math/added of b",
    "news/today of agent",
    `news/today of ${HOSTILE}`,
  ]);
  const past: string[] = [];
  a.runtime.subscribe("math/>", ({ topic }) => void past.push(topic), { includePast: true });
  await mesh.run(200);
  assert.deepEqual(past, [], "nor what it has kept");
});

Deno.test("NodeRuntime delivers no long event of a publisher that has lost its right while it was on its way", async () => {
  const { mesh, a, hostile } = setUp({});
  await using _ = mesh;
  const heard: string[] = [];
  a.runtime.subscribe("math/>", ({ topic }) => void heard.push(topic));
  await settle();
  // It waits for the one who delivers it, since values of this length have a turn of the event loop each.
  const sent = hostile.runtime.publish("math/added", "x".repeat(100_000));
  while (a.runtime.memory.usedBytes === 0) await settle();
  mesh.rights = allBut({ [HOSTILE]: { publish: ["math/>"] } });
  await sent;
  await mesh.run(200);
  assert.deepEqual([heard, a.runtime.refusedEvents, a.runtime.memory.usedBytes], [[], 1, 0]);
});

Deno.test("PubSub.publish() sends nothing to who may not hear it, nor what is kept", async () => {
  const { mesh, a, b, hostile } = setUp({ subscribe: ["secret/>", ">"] });
  await using _ = mesh;
  const heard: unknown[] = [];
  hostile.runtime.subscribe("secret/>", ({ data }) => void heard.push(data), { includePast: true });
  hostile.runtime.subscribe(">", ({ data }) => void heard.push(data));
  b.runtime.subscribe("secret/>", () => {});
  await settle();
  assert.deepEqual(await a.runtime.publish("secret/one", 1, { retain: true }), {
    local: 0,
    sent: 1,
    lost: 0,
  });
  assert.equal(a.runtime.refusedAdverts, 2);
  await fails("Refused", hostile.runtime.request("$events/past", { pattern: "secret/>" }, { node: "a" }));
  await fails("Refused", hostile.runtime.request("$events/past", { pattern: ">" }, { node: "a" }));
  assert.equal(await b.runtime.request("$events/past", { pattern: "secret/>" }, { node: "a" }), 1);
  await settle();
  assert.deepEqual(heard, []);
});

Deno.test("buildAdvert() says no pattern that its node may not hear, nor one that is wider than it may", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  mesh.rights = {
    ...ALL_RIGHTS,
    maySubscribe: (_, { parts }) => parts.length === 2 && parts[1]?.kind === "literal",
  };
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const heard: string[] = [];
  for (let i = 0; i < 200; i++) a.runtime.subscribe(`orders/n-${i}`, ({ topic }) => void heard.push(topic));
  a.runtime.subscribe("secret/>", ({ topic }) => void heard.push(topic));
  await settle();
  const patterns = a.runtime.advert().subscriptions.map(({ pattern }) => pattern);
  assert.equal(patterns.length, 200);
  assert.ok(patterns.every((pattern) => pattern.startsWith("orders/n-")));
  await b.runtime.publish("orders/n-199", 1);
  await b.runtime.publish("secret/one", 1);
  await settle();
  assert.deepEqual([heard, b.runtime.refusedAdverts], [["orders/n-199"], 0]);
});

Deno.test("PubSub.publish() with one_per_service loses nothing to who may not offer the service", async () => {
  const { mesh, a, b, hostile } = setUp({ offer: ["billing"] });
  await using _ = mesh;
  let heard = 0;
  let taken = 0;
  await b.runtime.addService({ path: "billing", subscriptions: { "orders/*": () => void heard++ } });
  hostile.runtime.subscribe("orders/*", () => void taken++, { group: "billing" });
  await settle();
  for (let i = 0; i < 6; i++) await a.runtime.publish("orders/1", i, { broadcastMode: "one_per_service" });
  await settle();
  assert.deepEqual([heard, taken], [6, 0]);
});

Deno.test("NodeRuntime.publish() fails where it may not publish, and says who has the path and what a leader does", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  mesh.rights = allBut({ a: { publish: ["orders/>", "plain"] } }, {
    ownersOf: ({ service }) => service === "orders" ? ["shop", "shop-2"] : [],
  });
  const a = mesh.add("a");
  const local: unknown[] = [];
  a.runtime.subscribe(">", ({ data }) => void local.push(data));
  const error = await fails("Refused", a.runtime.publish("orders/placed", 1));
  assert.equal(error.message, "Cannot publish to orders/placed: shop, shop-2 has the path above it");
  assert.equal(error.hint, "On a leader, `weft grant add a --publish 'orders/>'` allows it.");
  const plain = await fails("Refused", a.runtime.publish("plain", 1, { retain: true }));
  assert.match(plain.hint ?? "", /--publish plain`/);
  assert.deepEqual(local, []);
  assert.equal((await a.runtime.publish("orders/placed", 2, { broadcastMode: "local_only" })).local, 1);
});

Deno.test("ProgramRuntime.publish() fails where its node may not publish, and learns of a right within two seconds", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  mesh.rights = allBut({ a: { publish: ["orders/>"] } }, { ownersOf: () => ["shop"] });
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const heard: unknown[] = [];
  b.runtime.subscribe(">", ({ data }) => void heard.push(data));
  const { runtime } = mesh.attach(a);
  await settle();
  for (let i = 0; i < 3; i++) {
    const error = await mesh.until(runtime.publish("orders/placed", i)).catch((error) => error);
    assert.ok(error instanceof CallError && error.code === "Refused", String(error));
    assert.match(
      `${error.message} ${error.hint}`,
      /shop has the path above it .*`weft grant add a --publish/,
    );
  }
  assert.equal(a.runtime.refusedEvents, 1, "what is known to be refused is not sent");
  for (let i = 0; i < 5; i++) await mesh.until(runtime.publish("news/today", i));
  assert.deepEqual(heard, [0, 1, 2, 3, 4]);
  mesh.rights = ALL_RIGHTS;
  await mesh.run(2_000, 100);
  await mesh.until(runtime.publish("orders/placed", "now"));
  await settle();
  assert.deepEqual(heard.at(-1), "now");
});

Deno.test("ServiceRuntime.addService() refuses paths of built-in services, of nodes and of programs", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const a = mesh.add("a");
  const program = mesh.attach(a);
  await settle();
  for (const { runtime } of [a, program]) {
    for (const path of ["$registry", "$mine", "mesh:$events", "other:$registry/more"]) {
      await assert.rejects(runtime.addService({ path }), /every node has its own services there/);
    }
  }
});
