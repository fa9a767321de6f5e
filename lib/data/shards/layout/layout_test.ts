import assert from "node:assert/strict";
import { ALL_RIGHTS } from "../../../test_mesh/mod.ts";
import { DataMesh } from "../../testing/data_mesh.ts";
import { layoutKeys } from "../../testing/layout_keys.ts";
import { MAX_GENERATION, MAX_GENERATION_STEP } from "../bounds.ts";
import { layoutValue, readLayout, type ShardLayout } from "./layout.ts";
import { LayoutSignatures } from "./layout_signature.ts";

const LAYOUT = {
  spec: { name: "orders", key: "id", index: [] },
  options: { count: 1, replicas: 0, durability: "replicated" },
  generation: 1,
  version: 1,
  home: "a",
  keepers: ["a"],
  shards: [{ term: 1, owner: "a", inSync: ["a"], joining: [] }],
};

Deno.test("readLayout() takes no schema, and no generation that nobody comes behind", () => {
  assert.ok(readLayout(LAYOUT));
  const spec = { ...LAYOUT.spec, schema: { version: 1, jsonSchema: { $ref: "x".repeat(1_000) } } };
  assert.deepEqual(readLayout({ ...LAYOUT, spec })?.spec, LAYOUT.spec);
  assert.equal(readLayout({ ...LAYOUT, generation: MAX_GENERATION + 1 }), undefined);
});

Deno.test("a huge generation locks no collection, and a layout is not told to whoever asks", async () => {
  await using data = new DataMesh();
  const { mesh } = data;
  const offers = new Set(["home", "eve"]);
  mesh.rights = { ...ALL_RIGHTS, mayOffer: (peer) => offers.has(peer) };
  const [home, a, eve, other] = [
    await data.add("home", { labels: { role: "data" } }),
    await data.add("a", { labels: { role: "data" } }),
    await data.add("eve"),
    await data.add("other"),
  ];
  const shards = { count: 2, over: "role=data", replicas: 1 };
  const spec = { key: "id", read: "role=data", write: "role=data", shards };
  const items = await mesh.until(home.client.collection("items", spec));
  await mesh.until(items.put({ id: 1 }));
  const ask = (from: typeof eve, action: string, params: unknown) =>
    mesh.until(from.node.runtime.request(`$shards/${action}`, params, { node: "a", retries: 0 }));
  const layout = await ask(home, "layout", { collection: "items" }) as typeof LAYOUT;
  assert.equal(layout.home, "home");
  await assert.rejects(ask(other, "layout", { collection: "items" }), { code: "Refused" });
  const read = readLayout(layout);
  assert.ok(read);
  const eves = new LayoutSignatures(layoutKeys(eve.node.id), () => true);
  const signedByEve = (change: Partial<ShardLayout>) =>
    layoutValue(eves.sign({ ...read, ...change, home: eve.node.id }));
  // Even who may offer the path says no generation behind which nobody comes.
  for (const generation of [2 ** 53 - 1, MAX_GENERATION, layout.generation + MAX_GENERATION_STEP + 1]) {
    const { ok } = await ask(eve, "promise", { collection: "items", generation }) as { ok: boolean };
    assert.equal(ok, false, `${generation}`);
    for (const action of ["keep", "apply"]) {
      const asked = ask(eve, action, { layout: signedByEve({ generation }) });
      assert.equal(
        (await asked.catch(() => ({ ok: false })) as { ok: boolean }).ok,
        false,
        `${action} ${generation}`,
      );
    }
  }
  // Nor is it another collection by the same name.
  const changed = signedByEve({ version: 99, spec: { ...read.spec, read: "role=x" } });
  assert.deepEqual(await ask(eve, "keep", { layout: changed }), { ok: false });
  // Not even the home changes what it has signed, or leaves that out; and others tell nothing in its place.
  const stripped = { ...layout, version: 99, signature: undefined };
  for (const lie of [{ ...layout, version: 99 }, stripped]) {
    for (const action of ["keep", "apply"]) {
      assert.deepEqual(await ask(home, action, { layout: lie }), { ok: false });
    }
  }
  await assert.rejects(ask(eve, "keep", { layout }), { code: "Refused" });
  await mesh.until(items.put({ id: 2 }));
  assert.ok(a.engine.prepared);
  // It is the generation alone that is wrong with what she says.
  const next = signedByEve({ generation: layout.generation + 1, version: 1 });
  assert.deepEqual(await ask(eve, "keep", { layout: next }), { ok: true });
});
