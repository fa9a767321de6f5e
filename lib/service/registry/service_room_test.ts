import assert from "node:assert/strict";
import { MAX_NODE_SERVICES } from "../mod.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";

const at = (path: string) => ({ path, actions: { take: () => 1 } });

Deno.test("what a node offers beyond what others follow is refused to who asks, and its agent says so", async () => {
  const lines: string[] = [];
  const write = (message: string) => void lines.push(message);
  const mesh = new MemoryMesh();
  mesh.log = { debug: () => {}, info: () => {}, warn: write, error: write };
  await using _ = mesh;
  const [agent, other] = [mesh.add("a"), mesh.add("b")];
  const program = mesh.attach(agent);
  await settle();
  for (let i = 0; i < MAX_NODE_SERVICES - 1; i++) await agent.runtime.addService(at(`s${i}`));
  await mesh.until(program.runtime.addService(at("last")));
  await mesh.run(50);
  assert.equal(other.runtime.report().length, MAX_NODE_SERVICES);
  const hint = "Offer it on another node, or join actions in fewer services.";
  await assert.rejects(agent.runtime.addService(at("more")), {
    code: "InvalidService",
    message: /^Cannot offer more: this node and its programs offer 256 services already/,
    hint,
  });
  await assert.rejects(mesh.until(program.runtime.addService(at("mine"))), {
    code: "ServiceNotGranted",
    hint,
  });
  assert.equal(other.runtime.report().length, MAX_NODE_SERVICES);
  const line = "a service was refused: this node and its programs offer as many as others follow";
  assert.deepEqual(lines, [line, line]);
  await agent.runtime.removeService("s0");
  await mesh.until(program.runtime.addService(at("mine")));
});

Deno.test("a service of a path that every node has is refused, in a program as in a node", async () => {
  const { mesh, agent, program } = await attached();
  await using _ = mesh;
  for (const { runtime } of [agent, program]) {
    for (const path of ["$mine", "other:$mine/x"]) {
      await assert.rejects(runtime.addService(at(path)), { code: "InvalidService", message: /\$/ });
    }
  }
});
