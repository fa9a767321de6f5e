import assert from "node:assert/strict";
import { GroupTurns } from "./group_turns.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import type { ServiceRuntime } from "../service_runtime.ts";

const GROUPS = ["bill", "mail"];

/** Has a group listen, and counts what comes to it under a name. */
function listen(runtime: ServiceRuntime, counts: Record<string, number>, name: string, group: string) {
  counts[name] = 0;
  runtime.subscribe("orders/*", () => void (counts[name] = (counts[name] ?? 0) + 1), { group });
}

/** Publishes some events, each for one subscriber of each group. */
async function publish(runtime: ServiceRuntime, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await runtime.publish("orders/1", i, { broadcastMode: "one_per_service" });
    await settle();
  }
}

Deno.test("GroupTurns counts for each group apart, and remembers 1,024 of them", () => {
  const turns = new GroupTurns();
  const taken = () => GROUPS.map((group) => turns.next(group, 3));
  assert.deepEqual([taken(), taken(), taken(), taken()], [[0, 0], [1, 1], [2, 2], [0, 0]]);
  assert.equal(turns.next("bill", 1), 0, "of fewer than before it is one that is there");
  turns.next("bill", 2);
  for (let i = 0; i < 1_023; i++) turns.next(`other-${i}`, 2);
  assert.equal(turns.next("mail", 3), 0, "it was the one without events for the longest time");
  for (let i = 0; i < 1_021; i++) assert.equal(turns.next(`other-${i + 2}`, 2), 1);
});

Deno.test("PubSub.publish() with one_per_service has the nodes of every group take turns", async () => {
  await using mesh = new MemoryMesh();
  const [a, ...others] = ["a", "b", "c"].map((name) => mesh.add(name));
  assert.ok(a);
  const counts: Record<string, number> = {};
  for (const group of GROUPS) {
    for (const { id, runtime } of others) listen(runtime, counts, `${group}@${id}`, group);
  }
  await settle();
  await publish(a.runtime, 8);
  assert.deepEqual(counts, { "bill@b": 4, "bill@c": 4, "mail@b": 4, "mail@c": 4 });
});

Deno.test("Subscriptions.deliver() has one of a group's handlers on a node take an event for one, and all one for all", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const counts: Record<string, number> = {};
  const places = { agent, other, program };
  for (const [name, { runtime }] of Object.entries(places)) {
    for (const one of ["1", "2"]) listen(runtime, counts, `${name}${one}`, name);
    listen(runtime, counts, `${name} alone`, "");
  }
  await settle();
  for (const { runtime } of Object.values(places)) await publish(runtime, 2);
  for (const name of Object.keys(places)) {
    assert.deepEqual([counts[`${name}1`], counts[`${name}2`], counts[`${name} alone`]], [3, 3, 6], name);
  }
  await agent.runtime.publish("orders/1", "all");
  await settle();
  for (const name of Object.keys(places)) {
    assert.deepEqual([counts[`${name}1`], counts[`${name}2`], counts[`${name} alone`]], [4, 4, 7], name);
  }
});
