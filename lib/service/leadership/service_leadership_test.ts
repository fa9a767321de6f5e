import assert from "node:assert/strict";
import { MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { fails, failureOf } from "../testing/outcome.ts";
import { LOST_FOR_MS } from "./service_leadership.ts";

const PATH = "mesh:turns";

interface Led {
  readonly node: MemoryNode;
  /** What the hook was told. */
  readonly told: boolean[];
}

async function offer(node: MemoryNode): Promise<Led> {
  const told: boolean[] = [];
  await node.runtime.addService({
    path: "turns",
    mode: "leader",
    actions: {
      whose: () => node.id,
      hold: () => new Promise(() => {}),
      holdRead: { idempotent: true, handler: () => node.id === "c" ? new Promise(() => {}) : node.id },
    },
    lead: (isLeader) => void told.push(isLeader),
  });
  return { node, told };
}

/** Nodes a, b and c, which offer the service, and a caller that does not. */
async function meshOf(names = "abc"): Promise<[MemoryMesh, MemoryNode, Led[]]> {
  const mesh = new MemoryMesh();
  const caller = mesh.add("0");
  const nodes = [...names].map((name) => mesh.add(name));
  const led = await Promise.all(nodes.map(offer));
  await mesh.run(3_000, 100);
  return [mesh, caller, led];
}

const leadersOf = (nodes: Iterable<MemoryNode>) =>
  [...nodes].filter(({ isDown }) => !isDown).map(({ runtime }) => runtime.leadership.leaderOf(PATH)).join();

Deno.test("ServiceLeadership ranks the highest id first on all nodes, and calls go there", async () => {
  const [mesh, caller, [a, b, c]] = await meshOf();
  assert.ok(a && b && c);
  await using _ = mesh;
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.deepEqual(c.told, [true]);
  for (const { runtime } of mesh.nodes.values()) {
    assert.equal(await runtime.request("turns/whose"), "c");
    assert.equal(await runtime.request("turns/whose", 0, { mode: "leader" }), "c");
  }
  assert.equal(
    await caller.runtime.request("turns/whose", 0, { node: "a" }),
    "a",
    "a node may still be named",
  );
  await mesh.run(20_000, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.deepEqual([a.told.at(-1) ?? false, b.told.at(-1) ?? false, c.told], [false, false, [true]]);
  assert.equal(caller.runtime.leadership.leaderOf("mesh:nothing"), undefined);
});

Deno.test("NodeRuntime.request() with mode leader says at once that nobody leads a service that elects nobody", async () => {
  await using mesh = new MemoryMesh();
  const [caller, offerer] = [mesh.add("a"), mesh.add("b")];
  const program = mesh.attach(caller);
  await offerer.runtime.addService({ path: "plain", actions: { whose: () => "b" } });
  await mesh.run(10_000, 100);
  const startedAt = mesh.clock.now();
  for (const { runtime } of [caller, offerer, program]) {
    const error = await mesh.until(failureOf(runtime.request("plain/whose", 0, { mode: "leader" })));
    assert.equal(error.message, 'Nobody leads plain: it is offered without mode: "leader"');
    assert.deepEqual([error.code, error.retryable], ["NoProvider", false]);
  }
  assert.ok(mesh.clock.now() - startedAt < 50, "it is not tried again");
});

Deno.test("ServiceLeadership replaces a silent leader within 5.5 s, and takes it back at its next heartbeat", async () => {
  const [mesh, caller, [, b, c]] = await meshOf();
  assert.ok(b && c);
  await using _ = mesh;
  c.node.isMute = true;
  const others = [...mesh.nodes.values()].filter((node) => node !== c.node);
  const before = mesh.clock.now();
  while (leadersOf(others) !== "b,b,b") {
    await mesh.run(100, 100);
    assert.ok(mesh.clock.now() - before < 5_500, leadersOf(others));
  }
  assert.ok(mesh.clock.now() - before > 2_500, "not at the first sign that is late");
  assert.equal(await caller.runtime.request("turns/whose"), "b");
  await mesh.run(600, 100);
  assert.equal(b.told.at(-1), true);
  c.node.isMute = false;
  await mesh.run(2_600, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.equal(b.told.at(-1), false);
  assert.equal(await caller.runtime.request("turns/whose"), "c");
});

Deno.test("ServiceLeadership replaces a leader at once whose links break, for as long as it is gone", async () => {
  const [mesh, caller, [, b, c]] = await meshOf();
  assert.ok(b && c);
  await using _ = mesh;
  mesh.crash(c.node);
  assert.equal(leadersOf(mesh.nodes.values()), "b,b,b");
  assert.equal(b.told.at(-1), true);
  assert.equal(await caller.runtime.request("turns/whose"), "b");
  await mesh.run(LOST_FOR_MS + 10_000, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "b,b,b");
  mesh.restart(c.node);
  const again = await offer(c.node);
  await mesh.run(1_000, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.deepEqual([b.told.at(-1), again.told], [false, [true]]);
});

Deno.test("ServiceLeadership hands over at once from a service that is paused or removed, and calls its hook", async () => {
  const [mesh, caller, [a, b, c]] = await meshOf();
  assert.ok(a && b && c);
  await using _ = mesh;
  c.node.runtime.services.get(PATH)?.pause();
  await settle();
  assert.equal(leadersOf(mesh.nodes.values()), "b,b,b,b");
  assert.deepEqual([b.told.at(-1), c.told], [true, [true, false]]);
  assert.equal(await caller.runtime.request("turns/whose"), "b");
  await b.node.runtime.removeService("turns");
  await settle();
  assert.equal(leadersOf(mesh.nodes.values()), "a,a,a,a");
  assert.deepEqual([a.told.at(-1), b.told.at(-1)], [true, false]);
  c.node.runtime.services.get(PATH)?.resume();
  await settle();
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  await mesh.run(10_000, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c", "its signs of life go on");
  assert.deepEqual([a.told.at(-1), c.told], [false, [true, false, true]]);
  await c.node.runtime.close();
  assert.equal(c.told.at(-1), false);
});

Deno.test("ServiceLeadership has one leader on each side of a split, and one when they meet", async () => {
  const [mesh, caller, [a, b, c]] = await meshOf();
  assert.ok(a && b && c);
  await using _ = mesh;
  for (const node of [caller, a.node]) for (const other of [b.node, c.node]) mesh.part(node, other);
  assert.equal(leadersOf([caller, a.node]), "a,a");
  assert.equal(leadersOf([b.node, c.node]), "c,c");
  await mesh.run(LOST_FOR_MS + 5_000, 100);
  assert.equal(leadersOf([caller, a.node]), "a,a");
  assert.equal(await caller.runtime.request("turns/whose"), "a");
  assert.equal(await b.node.runtime.request("turns/whose"), "c");
  assert.deepEqual([a.told.at(-1), c.told], [true, [true]]);
  for (const node of [caller, a.node]) for (const other of [b.node, c.node]) mesh.part(node, other, false);
  await mesh.run(1_000, 100);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.equal(a.told.at(-1), false);
});

Deno.test("LeadHooks calls the hook once for each change, in order", async () => {
  const [mesh, , led] = await meshOf();
  await using _ = mesh;
  const c = led[2];
  assert.ok(c);
  const before = led[1]?.told.length ?? 0;
  for (let i = 0; i < 5; i++) {
    c.node.isMute = true;
    await mesh.run(6_500, 100);
    c.node.isMute = false;
    await mesh.run(3_000, 100);
  }
  for (const { node, told } of led) {
    told.forEach((leads, i) => assert.equal(leads, i % 2 === 0, `${node.id}: ${told}`));
  }
  assert.deepEqual([led[1]?.told.length, c.told], [before + 10, [true]]);
});

Deno.test("ServiceLeadership follows a leader again whose link was lost, though no link comes back", async () => {
  const [mesh, caller, [, , c]] = await meshOf();
  assert.ok(c);
  await using _ = mesh;
  mesh.breakLink(caller, c.node);
  assert.equal(caller.runtime.leadership.leaderOf(PATH), "b");
  mesh.watch = (from, to) => from === c.node.id && to === caller.id ? false : undefined;
  await mesh.run(LOST_FOR_MS + 1_000, 100);
  assert.equal(caller.runtime.leadership.leaderOf(PATH), "c");
});

Deno.test("LeadHooks survives a hook that throws, and one that changes services", async () => {
  await using mesh = new MemoryMesh();
  const node = mesh.add("a");
  const seen: unknown[] = [];
  await node.runtime.addService({
    path: "turns",
    mode: "leader",
    lead: (isLeader) => {
      seen.push([isLeader, node.runtime.leadership.leaderOf(PATH)]);
      throw new Error("a bug");
    },
  });
  await mesh.run(1_000, 100);
  assert.deepEqual(seen, [[true, "a"]]);
});

Deno.test("NodeRuntime.request() settles when another node begins to lead meanwhile", async () => {
  const [mesh, caller, [, b, c]] = await meshOf();
  assert.ok(b && c);
  await using _ = mesh;
  const held = caller.runtime.request("turns/hold");
  const read = caller.runtime.request("turns/holdRead");
  await settle();
  mesh.crash(c.node);
  await fails(/^OutcomeUnknown$/, mesh.until(held));
  assert.equal(await mesh.until(read), "b");
  b.node.isMute = true;
  await fails(/^Timeout$/, mesh.until(caller.runtime.request("turns/whose", 0, { timeoutMs: 500 })));
  await mesh.run(6_000, 100);
  assert.equal(await mesh.until(caller.runtime.request("turns/whose")), "a");
  assert.equal(caller.runtime.pendingCalls, 0);
});

Deno.test("NodeRuntime.handleLinkLost() changes no leader while another link is there", async () => {
  const [mesh, , [, b, c]] = await meshOf();
  assert.ok(b && c);
  await using _ = mesh;
  const told = b.told.length;
  b.node.runtime.handleLinkLost(c.node.id, false);
  assert.equal(leadersOf(mesh.nodes.values()), "c,c,c,c");
  assert.equal(b.told.length, told);
  b.node.runtime.handleLinkLost(c.node.id);
  assert.equal(b.told.at(-1), true);
});
