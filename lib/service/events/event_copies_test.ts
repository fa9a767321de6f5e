import assert from "node:assert/strict";
import { attached, MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { allBut } from "../testing/memory_rights.ts";

/** What a node gets of the past, by topic. */
async function pastOf(
  mesh: MemoryMesh,
  { runtime }: MemoryNode,
  pattern: string,
): Promise<Record<string, unknown>> {
  const past: Record<string, unknown> = {};
  const subscription = runtime.subscribe(pattern, ({ topic, data }) => void (past[topic] = data), {
    includePast: true,
  });
  await mesh.run(200);
  subscription.unsubscribe();
  return past;
}

const EMPTY = [["none", new Uint8Array(0)], ["text", ""], ["null", null], ["set", new Set()]] as const;

Deno.test("a retained event with replicas outlives its node, and one without goes with it", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => mesh.add(name));
  assert.ok(a && b && c && d);
  await settle();
  const copied = { retain: true, replicas: 2 };
  assert.equal((await mesh.until(a.runtime.publish("prices/tea", { cents: 3 }, copied))).copies, 2);
  assert.equal((await mesh.until(a.runtime.publish("prices/bytes", Uint8Array.of(1, 2), copied))).copies, 2);
  assert.equal((await mesh.until(a.runtime.publish("prices/alone", 1, { retain: true }))).copies, undefined);
  // What has copies keeps them up to date, and forgets them.
  await mesh.until(a.runtime.publish("prices/tea", { cents: 4 }, { retain: true }));
  await mesh.until(a.runtime.publish("prices/gone", 1, copied));
  await mesh.until(a.runtime.publish("prices/gone", undefined, { retain: true }));
  // What is empty is a value all the same.
  for (const [name, empty] of EMPTY) {
    assert.equal((await mesh.until(a.runtime.publish(`prices/${name}`, empty, copied))).copies, 2, name);
  }
  const all = {
    "prices/tea": { cents: 4 },
    "prices/bytes": Uint8Array.of(1, 2),
    ...Object.fromEntries(EMPTY.map(([name, empty]) => [`prices/${name}`, empty])),
  };
  await settle();
  assert.deepEqual(await pastOf(mesh, d, "prices/>"), { ...all, "prices/alone": 1 });
  mesh.crash(a);
  await mesh.run(50);
  assert.deepEqual(await pastOf(mesh, d, "prices/>"), all);
  assert.deepEqual(await pastOf(mesh, mesh.add("e"), "prices/>"), all, "also for who comes later");
  // Its member is removed: so are its events.
  for (const { runtime } of [b, c, d]) runtime.handlePeerGone(a.id);
  await settle();
  assert.deepEqual(await pastOf(mesh, d, "prices/>"), {});
});

Deno.test("copies are where their holder may publish, within bounds, and the publisher is told how many", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const lines: string[] = [];
  mesh.log = { ...mesh.log, warn: (message: string) => void lines.push(message) };
  const [a, , c] = ["a", "b", "c"].map((name) => mesh.add(name));
  assert.ok(a && c);
  mesh.rights = allBut({ b: { publish: ["prices/>"] } });
  await settle();
  const report = await mesh.until(a.runtime.publish("prices/tea", 1, { retain: true, replicas: 2 }));
  assert.equal(report.copies, 1);
  assert.deepEqual(lines, ["a retained event is kept by fewer nodes than were asked for"]);
  const forged = { metadata: { topic: "prices/tea", publishedAt: "9" } };
  const b = mesh.nodes.get([...mesh.nodes.keys()][1] ?? a.id);
  const asked = b?.runtime.request("$events/keep", 2, { ...forged, node: "c" });
  assert.ok(asked);
  await assert.rejects(mesh.until(asked), { code: "Refused" });
  for (let i = 0; i < 300; i++) {
    await mesh.until(a.runtime.publish(`prices/${i}`, "x".repeat(5_000), { retain: true, replicas: 1 }));
  }
  mesh.crash(a);
  await mesh.run(50);
  const kept = Object.keys(await pastOf(mesh, c, "prices/>"));
  assert.ok(kept.length > 150 && kept.length * 5_000 <= 1 << 20, `${kept.length} are kept`);
  assert.ok(kept.includes("prices/299"), "the latest ones");
  const wrong = c.runtime.publish("prices/tea", 1, { replicas: 1 });
  await assert.rejects(wrong, { code: "InvalidService" }, "without retain");
});

Deno.test("an event is kept as its service defines it, and as a program asks its agent", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await agent.runtime.addService({
    path: "prices",
    events: { changed: { retain: true, replicas: 1 }, tried: {} },
  });
  await settle();
  assert.equal((await mesh.until(agent.runtime.publish("prices/changed", 7))).copies, 1);
  await mesh.until(agent.runtime.publish("prices/tried", 7));
  await program.runtime.publish("news", 8, { retain: true, replicas: 1 });
  await mesh.run(50);
  mesh.crash(agent);
  await mesh.run(50);
  assert.deepEqual(await pastOf(mesh, other, ">"), { "prices/changed": 7, news: 8 });
});
