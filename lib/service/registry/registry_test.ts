import assert from "node:assert/strict";
import type { ServiceReport } from "../mod.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails } from "../testing/outcome.ts";
import type { ServiceRuntime } from "../service_runtime.ts";

async function there() {
  const mesh = new MemoryMesh();
  const [a, b, leader] = [mesh.add("a"), mesh.add("b"), mesh.add("leader", { isLeader: true })];
  for (const { runtime } of [a, b]) {
    await runtime.addService({
      path: "math",
      version: "1.2.0",
      description: "Sums",
      actions: { add: () => 1, get: { idempotent: true, handler: () => 2 } },
      events: { added: {} },
    });
  }
  await b.runtime.addService({ path: "shop:turns", mode: "leader", port: 80 });
  await settle();
  return { mesh, a, b, leader };
}

const ask = (runtime: ServiceRuntime, action: string, path?: unknown, node?: string) =>
  runtime.request(
    `$registry/${action}`,
    path === undefined ? undefined : { path },
    node === undefined ? {} : { node },
  );

Deno.test("$registry/list lists every service, wherever it runs, and no built-in one", async () => {
  const { mesh, a, leader } = await there();
  await using _ = mesh;
  const list = await ask(a.runtime, "list") as ServiceReport[];
  assert.deepEqual(list.map(({ path }) => path), ["math", "shop:turns"]);
  const [math, turns] = list;
  assert.deepEqual(math, {
    path: "math",
    description: "Sums",
    actions: [{ name: "add", idempotent: false }, { name: "get", idempotent: true }],
    events: ["added"],
    providers: [
      { id: "a", name: "a", state: "running", version: "1.2.0", isLocal: true, isHealthy: true },
      { id: "b", name: "b", state: "running", version: "1.2.0", isLocal: false, isHealthy: true, rttMs: 98 },
    ],
  } as unknown);
  assert.deepEqual(turns?.providers.map(({ id, isLeader }) => [id, isLeader]), [["b", true]]);
  const far = await ask(leader.runtime, "list", undefined, "a") as ServiceReport[];
  assert.deepEqual(far, JSON.parse(JSON.stringify(list)));
  assert.deepEqual(a.runtime.report().map(({ path }) => path), ["math", "shop:turns"]);
});

Deno.test("$registry/show shows one service", async () => {
  const { mesh, a } = await there();
  await using _ = mesh;
  assert.equal((await ask(a.runtime, "show", "math") as ServiceReport).path, "math");
  assert.equal((await ask(a.runtime, "show", "shop:turns", "b") as ServiceReport).path, "shop:turns");
  await fails("UnknownService", ask(a.runtime, "show", "nothing"));
  await fails("InvalidParams", ask(a.runtime, "show"));
  await fails("InvalidParams", ask(a.runtime, "show", 7, "b"));
  await assert.rejects(ask(a.runtime, "show", "no path at all"));
  assert.deepEqual(a.runtime.report("nothing"), []);
  const [registry] = a.runtime.report("$registry");
  assert.deepEqual(registry?.providers.map(({ id }) => id), ["a"]);
});

Deno.test("$registry/pause makes calls fail until resume; only leaders may pause services of another node", async () => {
  const { mesh, a, b, leader } = await there();
  await using _ = mesh;
  await fails("Refused", ask(a.runtime, "pause", "math", "b"));
  await fails("Refused", ask(a.runtime, "resume", "math", "b"));
  assert.equal(b.runtime.services.get("mesh:math")?.state, "running");
  assert.deepEqual(await ask(leader.runtime, "pause", "math", "b"), { changed: true });
  assert.deepEqual(await ask(leader.runtime, "pause", "math", "b"), { changed: false });
  await settle();
  for (const { runtime } of [a, b, leader]) {
    const states = runtime.report("math")[0]?.providers.map(({ id, state }) => `${id}:${state}`).sort();
    assert.deepEqual(states, ["a:running", "b:paused"]);
  }
  await fails("ServicePaused", leader.runtime.request("math/add", 0, { node: "b", retries: 0 }));
  assert.equal(await leader.runtime.request("math/add"), 1, "the other one serves");
  assert.deepEqual(await ask(b.runtime, "resume", "math"), { changed: true }, "each node its own");
  await settle();
  assert.equal(await leader.runtime.request("math/add", 0, { node: "b" }), 1);
  await fails("UnknownService", ask(a.runtime, "pause", "shop:turns"));
  await fails("UnknownService", ask(a.runtime, "pause", "$registry"));
  await fails("InvalidParams", ask(a.runtime, "pause"));
});

Deno.test("ProgramRuntime.request() asks the agent for $registry, and may pause what the agent offers", async () => {
  const { mesh, a } = await there();
  await using _ = mesh;
  const { runtime } = mesh.attach(a);
  await settle();
  const list = await ask(runtime, "list") as ServiceReport[];
  assert.deepEqual(list.map(({ path }) => path), ["math", "shop:turns"]);
  assert.deepEqual(await ask(runtime, "pause", "math"), { changed: true });
  assert.equal(a.runtime.services.get("mesh:math")?.state, "paused");
  await fails("Refused", ask(runtime, "pause", "math", "b"));
});
