import assert from "node:assert/strict";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails, failureOf } from "../testing/outcome.ts";
import { meshOf, offer } from "../testing/work_service.ts";

Deno.test("ServiceRuntime.drain() lets calls end, and sends those that come meanwhile to another provider", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const held = caller.runtime.request("work/hold", "held", { node: "a" });
  await settle();
  // The others do not know yet.
  const stale = a.node.runtime.advert();
  const drained = a.node.runtime.drain();
  assert.deepEqual(a.node.runtime.advert().services, []);
  await settle();
  assert.deepEqual(caller.runtime.directory.providers("mesh:work").map(({ peer }) => peer), ["b"]);
  caller.runtime.setAdverts(a.node.id, [stale]);
  for (let i = 0; i < 10; i++) assert.equal(await caller.runtime.request("work/take", i), "b");
  await fails("Stopped", caller.runtime.request("work/take", 1, { node: "a", retries: 0 }));
  assert.deepEqual(a.ran, ["held"]);
  await mesh.run(1_000);
  a.release();
  assert.equal(await held, "a");
  assert.equal(await mesh.until(drained), true);
});

Deno.test("ServiceRuntime.drain() ends after its bound, and only after what was sent before it was known", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const held = failureOf(caller.runtime.request("work/hold", 1));
  await settle();
  const before = mesh.clock.now();
  assert.equal(await mesh.until(a.node.runtime.drain(2_000)), false);
  assert.equal(mesh.clock.now() - before, 2_000);
  await a.node.runtime.close();
  mesh.crash(a.node);
  assert.equal((await mesh.until(held)).executed, true);
  const idle = mesh.add("b");
  const from = mesh.clock.now();
  assert.equal(await mesh.until(idle.runtime.drain()), true);
  assert.equal(mesh.clock.now() - from, 0, "it offers nothing");
  await offer(idle);
  const offering = await offer(mesh.add("c"));
  assert.equal(await mesh.until(offering.node.runtime.drain()), true);
  assert.equal(mesh.clock.now() - from, 100);
});

Deno.test("ServiceRuntime.drain() waits for streams of answers, and for the calls of its own program", async () => {
  await using mesh = new MemoryMesh();
  const [caller, provider] = [mesh.add("0"), mesh.add("a")];
  const go = Promise.withResolvers<void>();
  await provider.runtime.addService({
    path: "flow",
    actions: {
      slowly: async function* () {
        yield 1;
        await go.promise;
        yield 2;
      },
    },
  });
  const work = await offer(mesh.add("b"));
  await settle();
  const items = await caller.runtime.request("flow/slowly") as ReadableStream<number>;
  const own = provider.runtime.request("work/hold", 1);
  await settle();
  let isDrained = false;
  const drained = provider.runtime.drain().then((isDone) => isDrained = isDone);
  await mesh.run(500);
  work.release();
  assert.equal(await mesh.until(own), "b");
  await mesh.run(500);
  assert.equal(isDrained, false);
  go.resolve();
  assert.deepEqual(await Array.fromAsync(items), [1, 2]);
  await mesh.until(drained);
  assert.equal(isDrained, true);
});

Deno.test("ServiceRuntime.drain() of an agent lets its programs go on, whose calls by way of it end", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const work = await offer(other);
  const held = Promise.withResolvers<string>();
  await program.runtime.addService({ path: "mine", actions: { hold: () => held.promise } });
  await settle();
  const inwards = other.runtime.request("mine/hold");
  const outwards = program.runtime.request("work/hold", 1);
  await settle();
  const drained = agent.runtime.drain();
  await mesh.run(200);
  await fails(/Stopped|NoProvider/, other.runtime.request("mine/hold", 1, { retries: 0 }));
  assert.equal(await mesh.until(program.runtime.request("work/take", 2)), "b", "a handler may need it");
  held.resolve("mine");
  work.release();
  assert.deepEqual(await Promise.all([inwards, outwards]), ["mine", "b"]);
  assert.equal(await mesh.until(drained), true);
});

Deno.test("ServiceRuntime.drain() of a program ends its calls, and its agent's callers turn to others", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const held = Promise.withResolvers<string>();
  const actions = { take: () => "program", hold: () => held.promise };
  await program.runtime.addService({ path: "work", actions });
  const work = await offer(mesh.add("c"));
  await settle();
  const call = other.runtime.request("work/hold", 1, { node: "a" });
  await settle();
  const drained = program.runtime.drain();
  const late = Array.from({ length: 4 }, () => other.runtime.request("work/take", 1));
  assert.deepEqual(await mesh.until(Promise.all(late)), ["c", "c", "c", "c"]);
  assert.equal(work.ran.length, 4);
  assert.deepEqual(agent.runtime.programs.directory.providers("mesh:work"), []);
  held.resolve("done");
  assert.equal(await mesh.until(call), "done");
  assert.equal(await mesh.until(drained), true);
});
