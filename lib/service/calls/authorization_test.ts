import assert from "node:assert/strict";
import type { ServiceDefinition } from "../mod.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { failureOf } from "../testing/outcome.ts";

function guarded(): ServiceDefinition {
  return {
    path: "vault",
    allow: "clerk",
    actions: {
      look: (_: unknown, { caller }) => caller ?? "this program",
      open: { allow: "boss", handler: () => "open" },
    },
  } as ServiceDefinition;
}

async function refused(call: Promise<unknown>): Promise<void> {
  const { code, executed, retryable } = await failureOf(call);
  assert.deepEqual([code, executed, retryable], ["Refused", false, false]);
}

for (const where of ["node", "program"] as const) {
  Deno.test(`CallServer refuses callers of a ${where} that the selector of its service or action does not allow`, async () => {
    await using mesh = new MemoryMesh();
    const host = mesh.add("host");
    const clerk = mesh.add("clerk", { labels: { clerk: "" } });
    const boss = mesh.add("boss", { labels: { boss: "" } });
    const place = where === "node" ? host : mesh.attach(host);
    await settle();
    await place.runtime.addService(guarded());
    await settle();
    assert.equal(await clerk.runtime.request("vault/look"), "clerk");
    await refused(clerk.runtime.request("vault/open"));
    assert.equal(await boss.runtime.request("vault/open"), "open");
    await refused(boss.runtime.request("vault/look"));
    // A program's own calls, and those of its machine, pass.
    assert.equal(await place.runtime.request("vault/look"), "this program");
    assert.equal(await host.runtime.request("vault/open"), "open");
    // Who may call is nobody else's business.
    assert.ok(!JSON.stringify(host.runtime.advert()).includes("allow"));
  });
}

Deno.test("ProgramGateway refuses a member that one of two programs with the same service does not allow", async () => {
  await using mesh = new MemoryMesh();
  const [host, other] = [mesh.add("host"), mesh.add("other")];
  const [open, closed] = [mesh.attach(host), mesh.attach(host)];
  await open.runtime.addService({ path: "vault", actions: { open: () => "open" } });
  await closed.runtime.addService(guarded());
  await settle();
  for (let i = 0; i < 4; i++) await refused(other.runtime.request("vault/open"));
});

Deno.test("ProgramGateway refuses everybody where a program's selector can't be parsed", async () => {
  await using mesh = new MemoryMesh();
  const [host, other] = [mesh.add("host"), mesh.add("other")];
  const program = mesh.attach(host);
  await settle();
  const advert = program.runtime.advert();
  host.runtime.programs.directory.set(program.id, [{
    ...advert,
    services: [{
      path: "odd",
      version: "1",
      description: "",
      state: "running",
      actions: [{ name: "go", idempotent: false }],
      events: [],
      elects: false,
      port: 0,
      protocol: "tcp",
      allow: "(((",
    }],
  }]);
  await settle();
  await refused(other.runtime.request("odd/go"));
});
