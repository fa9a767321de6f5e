import assert from "node:assert/strict";
import type { NodeId } from "../identity/identity.ts";
import { HeartbeatTargets, WATCHERS } from "./heartbeat_targets.ts";

const ids = (count: number) =>
  Array.from({ length: count }, (_, i) => ((i * 7919) % 65_536).toString(16).padStart(32, "0") as NodeId);

Deno.test("HeartbeatTargets.next() gives everybody where there are few, and leaders always", () => {
  const few = ids(WATCHERS + 2);
  const targets = new HeartbeatTargets();
  const isLeader = (nodeId: NodeId) => nodeId === few[3] || nodeId === few[7];
  assert.deepEqual(new Set(targets.next(few, isLeader)), new Set(few));
  const many = ids(100);
  const isAnyLeader = (nodeId: NodeId) => many.indexOf(nodeId) % 20 === 0;
  for (let beat = 0; beat < 50; beat++) {
    const chosen = targets.next(many, isAnyLeader);
    assert.equal(chosen.length, 5 + WATCHERS);
    assert.equal(chosen.filter(isAnyLeader).length, 5);
  }
});

Deno.test("HeartbeatTargets.next() keeps its watchers for ten beats, changes one, and comes to everybody", () => {
  const many = ids(40);
  const targets = new HeartbeatTargets();
  const seen = new Set<NodeId>();
  let former: readonly NodeId[] = [];
  let changes = 0;
  for (let beat = 0; beat < 10 * many.length; beat++) {
    const chosen = targets.next(many.toReversed(), () => false);
    const fresh = chosen.filter((nodeId) => !former.includes(nodeId)).length;
    if (beat > 0 && fresh > 0) {
      assert.equal(fresh, 1, `beat ${beat}`);
      changes++;
    }
    for (const nodeId of chosen) seen.add(nodeId);
    former = chosen;
  }
  assert.equal(seen.size, many.length);
  assert.equal(changes, many.length - 1);
});
