import assert from "node:assert/strict";
import { peerId } from "../../../service/mod.ts";
import { layoutKeys } from "../../testing/layout_keys.ts";
import type { ShardLayout } from "./layout.ts";
import { LayoutSignatures } from "./layout_signature.ts";
import { mostTold } from "./told_layouts.ts";

const signaturesOf = (name: string) => new LayoutSignatures(layoutKeys(peerId(name)), () => false);
const checks = signaturesOf("reader");

const layout = (home: string, generation: number): ShardLayout => ({
  spec: { name: "orders", key: "id", index: [] },
  options: { count: 1, replicas: 0, durability: "replicated" },
  generation,
  version: 1,
  home: peerId(home),
  layoutReplicas: [peerId(home)],
  shards: [{ term: 1, owner: peerId(home), inSync: [peerId(home)], joining: [] }],
});

Deno.test("mostTold() believes no single member that tells of a later home", () => {
  const [first, moved, lie] = [layout("a", 1), layout("a", 2), layout("liar", 2 ** 40)];
  assert.equal(mostTold(undefined, [], "orders", checks), undefined);
  assert.equal(mostTold(undefined, [undefined, first, moved, lie], "orders", checks), moved);
  assert.equal(mostTold(first, [lie], "orders", checks), first);
  // Two others outweigh what this node knew before.
  const later = layout("b", 2);
  assert.equal(mostTold(first, [later, later], "orders", checks), later);
  assert.throws(() => mostTold(undefined, [first, lie], "orders", checks), { code: "OwnerAway" });
});

Deno.test("mostTold() takes the newest that the home has signed, whoever is the only one to tell it", () => {
  const home = signaturesOf("a");
  const [first, second] = [home.sign(layout("a", 1)), home.sign({ ...layout("a", 1), version: 2 })];
  const forged = { ...second, version: 99 };
  const { signature: _, ...stripped } = forged;
  const byLiar = signaturesOf("liar").sign(forged);
  for (const lie of [forged, stripped, byLiar]) {
    assert.equal(mostTold(undefined, [lie, first, second, first], "orders", checks), second);
  }
  // A liar's own signature is good for no home that others know, and does not outweigh layouts without one.
  const own = signaturesOf("liar").sign(layout("liar", 9));
  const former = layout("a", 1);
  assert.equal(mostTold(undefined, [own, former, former], "orders", checks), former);
  assert.throws(() => mostTold(undefined, [forged, byLiar], "orders", checks), { code: "OwnerAway" });
});
