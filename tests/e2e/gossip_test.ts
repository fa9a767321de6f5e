import assert from "node:assert/strict";
import { Lab, labTest, type MeshNode, PACKET_PLANE, split, startMesh, untilAllKnowAll } from "../lab/mod.ts";

labTest(
  "weft up: a member that was cut off learns what it missed when it is back",
  PACKET_PLANE,
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"], { args: ["--rootless"] });
    const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const parted = await split([d.host], [a, b, c].map(({ host }) => host));
    await a.weft.expectCommand("peer", "remove", "c");
    await b.weft.untilStatus(({ peers }) => peers.every(({ name }) => name !== "c"), 5_000, "it has no c");
    await b.weft.expectCommand("leader", "list");
    await a.weft.expectCommand("leader", "promote", "b");
    assert.ok((await d.weft.status()).peers.some(({ name }) => name === "c"), "d is cut off");
    await parted.heal();
    const startedAt = performance.now();
    await d.weft.untilStatus(
      ({ peers, leaders }) => peers.every(({ name }) => name !== "c") && leaders.length === 2,
      // Links are found dead after 30 s, and dialled again.
      60_000,
      "it knows what has happened",
    );
    report(`back for ${(performance.now() - startedAt).toFixed(0)} ms, it knew everything`);
  },
);

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}
