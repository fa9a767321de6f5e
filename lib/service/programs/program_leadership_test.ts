import assert from "node:assert/strict";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import type { ServiceRuntime } from "../service_runtime.ts";

interface Rival {
  readonly runtime: ServiceRuntime;
  /** What its hook was told, in order. */
  readonly told: boolean[];
}

/** Offers a service that one leads. */
async function offer(runtime: ServiceRuntime, name: string): Promise<Rival> {
  const told: boolean[] = [];
  const lead = (isLeader: boolean) => void told.push(isLeader);
  await runtime.addService({ path: "turns", mode: "leader", lead, actions: { whose: () => name } });
  await settle();
  return { runtime, told };
}

Deno.test("ProgramGateway grants a service to the first of its programs, and to the next one when that is gone", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const [first, second, other] = [mesh.attach(b), mesh.attach(b), mesh.attach(a)];
  await settle();
  const p = await offer(first.runtime, "p");
  const q = await offer(second.runtime, "q");
  const r = await offer(other.runtime, "r");
  await mesh.run(3_000, 100);
  // b has the higher id, and its first program leads.
  assert.deepEqual([p.told, q.told, r.told.at(-1) ?? false], [[true], [], false]);
  for (const { runtime } of [a, b, first, second, other]) {
    assert.equal(await runtime.request("turns/whose"), "p");
  }
  p.runtime.services.get("mesh:turns")?.pause();
  await mesh.run(1_000, 100);
  assert.deepEqual([p.told, q.told], [[true, false], [true]]);
  assert.equal(await a.runtime.request("turns/whose"), "q");
  await q.runtime.removeService("turns");
  await mesh.run(3_000, 100);
  assert.deepEqual([q.told, r.told.at(-1)], [[true, false], true]);
  assert.equal(await b.runtime.request("turns/whose"), "r");
});

Deno.test("ProgramRuntime.request() is tried again as often as its own retries say", async () => {
  await using mesh = new MemoryMesh();
  const agent = mesh.add("a");
  const program = mesh.attach(agent);
  await settle();
  const startedAt = mesh.clock.now();
  const call = program.runtime.request("nobody/home", 0, { retries: 0 }).catch((error) => error.code);
  await mesh.until(call);
  assert.equal(await call, "NoProvider");
  assert.ok(mesh.clock.now() - startedAt < 50, `${mesh.clock.now() - startedAt} ms`);
});
