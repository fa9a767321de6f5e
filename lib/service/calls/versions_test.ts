import assert from "node:assert/strict";
import type { CallAnswer } from "../mod.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails } from "../testing/outcome.ts";

const at = (version: string) => ({ path: "orders", version, actions: { which: () => version } });

Deno.test("a call by a range of versions goes to whoever offers one of them, here or elsewhere", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, ...others] = ["a", "b", "c", "d"].map((name) => mesh.add(name));
  assert.ok(a);
  for (const [i, version] of ["1.4.0", "1.9.2", "2.0.0"].entries()) {
    await others[i]?.runtime.addService(at(version));
  }
  await settle();
  const ask = async (version?: string) => {
    const answers: unknown[] = [];
    const options = version === undefined ? {} : { version };
    for (let i = 0; i < 6; i++) answers.push(await mesh.until(a.runtime.request("orders/which", 1, options)));
    return [...new Set(answers)].sort();
  };
  assert.deepEqual(await ask(), ["1.4.0", "1.9.2", "2.0.0"]);
  assert.deepEqual(await ask("^1"), ["1.4.0", "1.9.2"]);
  assert.deepEqual(await ask(">=1.5 <2 || ^2"), ["1.9.2", "2.0.0"]);
  // The own program's would be asked first.
  await a.runtime.addService(at("3.0.0"));
  assert.deepEqual(await ask(), ["3.0.0"]);
  assert.deepEqual(await ask("^2"), ["2.0.0"]);
  const all = await a.runtime.request<CallAnswer[]>("orders/which", 1, { mode: "all", version: "<2" });
  assert.deepEqual(all.map(({ node }) => node), ["b", "c"]);
  const none = await fails("NoProvider", mesh.until(a.runtime.request("orders/which", 1, { version: "^4" })));
  assert.match(none.message, /offered as 3\.0\.0, 1\.4\.0, 1\.9\.2, 2\.0\.0, and not as \^4/);
  await assert.rejects(a.runtime.request("orders/which", 1, { version: "?!" }), { code: "InvalidService" });
  const client = a.runtime.client("orders", { defaults: { version: "^2" } });
  assert.equal(await client.request("which" as never, 1 as never), "2.0.0");
});

Deno.test("an attached program calls by a range of versions, past what it offers itself", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.addService(at("1.0.0"));
  await agent.runtime.addService(at("2.0.0"));
  await other.runtime.addService(at("3.0.0"));
  await mesh.run(50);
  for (const major of [1, 2, 3]) {
    const answer = program.runtime.request("orders/which", 1, { version: `^${major}` });
    assert.equal(await mesh.until(answer), `${major}.0.0`);
  }
  await fails("NoProvider", mesh.until(program.runtime.request("orders/which", 1, { version: "^4" })));
});
