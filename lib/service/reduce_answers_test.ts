import assert from "node:assert/strict";
import type { CallError, InvalidServiceError, ProviderResult } from "./mod.ts";
import { ActionError } from "./mod.ts";
import { MemoryMesh, settle } from "./testing/memory_mesh.ts";

const sum = (answers: readonly ProviderResult[]) =>
  answers.reduce((total, { result }) => total + (result as number), 0);

Deno.test("a call to all is reduced to one result, here and by attached programs, or fails as one of them", async () => {
  await using mesh = new MemoryMesh();
  const nodes = ["a", "b", "c"].map((name) => mesh.add(name));
  const failing = new Set<string>();
  for (const [i, node] of nodes.entries()) {
    await node.runtime.addService({
      path: "stock",
      actions: {
        count: () => {
          if (failing.has(node.id)) throw new ActionError("Burnt", "nothing is left");
          return 10 ** i;
        },
      },
    });
  }
  await settle();
  const [first] = nodes;
  assert.ok(first);
  const program = mesh.attach(first);
  await settle();
  for (const { runtime } of [first, program]) {
    const options = { mode: "all", reduce: sum } as const;
    assert.equal(await runtime.request<number>("stock/count", undefined, options), 111);
    const names = (answers: readonly ProviderResult[]) => answers.map(({ node }) => node).join();
    assert.equal(await runtime.request("stock/count", undefined, { mode: "all", reduce: names }), "a,b,c");
    failing.add("b");
    await assert.rejects(runtime.request("stock/count", undefined, options), (error: CallError) => {
      assert.deepEqual([error.code, error.node, error.path], ["Burnt", "b", "stock/count"]);
      return true;
    });
    failing.clear();
    await assert.rejects(
      runtime.request("stock/count", undefined, { reduce: sum }),
      (error: InvalidServiceError) => error.code === "InvalidService",
    );
    const thrown = runtime.request("stock/count", undefined, {
      mode: "all",
      reduce: () => {
        throw new RangeError("no");
      },
    });
    await assert.rejects(thrown, RangeError);
  }
});
