import assert from "node:assert/strict";
import { attached, MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { allBut } from "../testing/memory_rights.ts";

/** A mesh in which others learn of subscriptions 300 ms late. */
function slowly(names: string): [MemoryMesh, MemoryNode[]] {
  const mesh = new MemoryMesh();
  const nodes = [...names].map((name) => mesh.add(name));
  for (const { runtime } of nodes) {
    const set = runtime.setAdverts.bind(runtime);
    runtime.setAdverts = (peer, adverts) => {
      mesh.timers.setTimer(300, () => void set(peer, adverts));
      return 0;
    };
  }
  return [mesh, nodes];
}

Deno.test("Subscription.ready resolves when what linked nodes publish comes: none of 20 at once is missed", async () => {
  const [mesh, [a, b, c]] = slowly("abc");
  assert.ok(a && b && c);
  await using _ = mesh;
  const heard: string[] = [];
  const missed: string[] = [];
  for (let i = 0; i < 20; i++) {
    a.runtime.subscribe(`missed/${i}`, ({ topic }) => missed.push(topic));
    await settle();
    await b.runtime.publish(`missed/${i}`);
  }
  await mesh.run(1_000);
  assert.deepEqual(missed, [], "without it, all of them are");
  for (let i = 0; i < 20; i++) {
    const subscription = a.runtime.subscribe(`heard/${i}/*`, ({ topic }) => heard.push(topic));
    assert.deepEqual(await mesh.until(subscription.ready), { nodes: 2, missing: [] });
    await b.runtime.publish(`heard/${i}/b`);
    await c.runtime.publish(`heard/${i}/c`);
    await settle();
    assert.equal(heard.length, 2 * i + 2);
  }
  await using stream = a.runtime.on("late");
  assert.equal((await mesh.until(stream.ready)).nodes, 2);
});

Deno.test("Subscription.ready names who is not there and who does not let this node hear, and ends all the same", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, b, c] = [mesh.add("a"), mesh.add("b"), mesh.add("c")];
  mesh.add("d");
  mesh.rights = allBut({ a: { subscribe: ["secret/>"] } });
  c.isMute = true;
  await settle();
  const startedAt = mesh.clock.now();
  const subscription = a.runtime.subscribe("news", () => {}, { group: "readers" });
  assert.deepEqual(await mesh.until(subscription.ready), { nodes: 2, missing: ["c"] });
  assert.ok(mesh.clock.now() - startedAt <= 5_100);
  c.isMute = false;
  assert.deepEqual(await mesh.until(a.runtime.subscribe("secret/>", () => {}).ready), {
    nodes: 0,
    missing: ["b", "c", "d"],
  });
  mesh.crash(b);
  assert.deepEqual(await mesh.until(a.runtime.subscribe("more", () => {}).ready), { nodes: 2, missing: [] });
});

Deno.test("the subscription of an attached program is ready when its agent's is", async () => {
  const { mesh, other, program } = await attached();
  await using _ = mesh;
  const heard: unknown[] = [];
  const subscription = program.runtime.subscribe("news/{id}", ({ data }) => heard.push(data));
  assert.deepEqual(await mesh.until(subscription.ready), { nodes: 1, missing: [] });
  await other.runtime.publish("news/1", 7);
  await settle();
  assert.deepEqual(heard, [7]);
});
