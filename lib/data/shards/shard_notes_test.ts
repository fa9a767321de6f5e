import assert from "node:assert/strict";
import { peerId } from "../../service/mod.ts";
import type { ShardLayout } from "./layout.ts";
import { mostTold } from "./shard_notes.ts";

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
  assert.equal(mostTold(undefined, [], "orders"), undefined);
  assert.equal(mostTold(undefined, [undefined, first, moved, lie], "orders"), moved);
  assert.equal(mostTold(first, [lie], "orders"), first);
  // Two others outweigh what this node knew before.
  const later = layout("b", 2);
  assert.equal(mostTold(first, [later, later], "orders"), later);
  assert.throws(() => mostTold(undefined, [first, lie], "orders"), { code: "OwnerAway" });
});
