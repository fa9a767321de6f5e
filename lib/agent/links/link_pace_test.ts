import assert from "node:assert/strict";
import type { NodeId, Replica } from "../../mesh/mod.ts";
import { linkPauseMs } from "./link_pace.ts";

const [a, b, leader] = ["a", "b", "c"].map((digit) => digit.repeat(32) as NodeId) as [NodeId, NodeId, NodeId];

function replicaOf(liveCount: number) {
  const recordById = (nodeId: NodeId) => ({ roles: nodeId === leader ? ["leader", "member"] : ["member"] });
  return { roster: { liveCount, recordById } } as unknown as Pick<Replica, "roster">;
}

Deno.test("linkPauseMs() grows for links of leaders alone, is the same at both ends, and has an end", () => {
  for (
    const [members, expected] of [[2, 10_000], [24, 10_000], [36, 15_000], [48, 20_000], [10_000, 20_000]]
  ) {
    const replica = replicaOf(members as number);
    assert.equal(linkPauseMs(replica, [a, leader]), expected);
    assert.equal(linkPauseMs(replica, [leader, a]), expected);
    assert.equal(linkPauseMs(replica, [a, b]), 10_000);
  }
});
