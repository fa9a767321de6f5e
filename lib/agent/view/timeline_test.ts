import assert from "node:assert/strict";
import type { WarningReport } from "../../api/mod.ts";
import { VirtualClock } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { Timeline } from "./timeline.ts";
import { TimelineWatch } from "./timeline_watch.ts";

const A = "a".repeat(32) as NodeId;
const B = "b".repeat(32) as NodeId;

function setUp() {
  const names = new Map<NodeId, string>([[A, "lead"]]);
  let handle: (event: { kind: string; nodeId: NodeId }) => void = () => {};
  const state = {
    elected: undefined as NodeId | undefined,
    revision: undefined as string | undefined,
    warnings: [] as WarningReport[],
  };
  const recordOf = (nodeId: NodeId) => {
    const name = names.get(nodeId);
    return name === undefined ? undefined : { record: { nodeId, name } };
  };
  const mesh = {
    identity: { id: B },
    roster: { get: recordOf, members: () => [...names.keys()].map(recordOf) },
    replica: {
      subscribe: (subscriber: { handleRosterEvent: typeof handle }) => {
        handle = subscriber.handleRosterEvent;
        return () => handle = () => {};
      },
    },
  };
  const timeline = new Timeline(new VirtualClock(1_000));
  const watch = new TimelineWatch(timeline, {
    mesh: mesh as never,
    elected: () => state.elected,
    policyRevision: () => state.revision,
    warnings: () => state.warnings,
  });
  const texts = () => timeline.after(0).map(({ text }) => text);
  return {
    names,
    state,
    timeline,
    watch,
    texts,
    tell: (kind: string, nodeId: NodeId) => handle({ kind, nodeId }),
  };
}

Deno.test("Timeline keeps the last 500 events, numbered", () => {
  const timeline = new Timeline(new VirtualClock(1_000));
  for (let i = 1; i <= 600; i++) timeline.note({ kind: "path", text: `${i}` });
  const kept = timeline.after(0);
  assert.equal(kept.length, 500);
  assert.deepEqual(kept[0], { number: 101, at: 1_000, kind: "path", text: "101" });
  assert.deepEqual(timeline.after(598).map(({ number }) => number), [599, 600]);
});

Deno.test("TimelineWatch tells of members once: who joins, is renamed, is removed, and nobody who was there before", () => {
  const { names, tell, texts, watch } = setUp();
  tell("member-updated", A);
  names.set(B, "web-1");
  tell("member-added", B);
  tell("endpoints-changed", B);
  names.set(B, "shop");
  tell("member-updated", B);
  names.delete(B);
  tell("member-removed", B);
  tell("member-removed", B);
  assert.deepEqual(texts(), ["web-1 joined", "web-1 is called shop now", "shop was removed"]);
  watch[Symbol.dispose]();
  names.set(B, "late");
  tell("member-added", B);
  assert.equal(texts().length, 3);
});

Deno.test("TimelineWatch tells of leaders, the policy and warnings when they change", () => {
  const { state, texts, watch } = setUp();
  watch.look();
  state.elected = A;
  state.revision = "0011";
  state.warnings = [{ kind: "clock", text: "the clock is wrong", hint: "" }];
  watch.look();
  watch.look();
  state.elected = B;
  state.revision = undefined;
  state.warnings = [];
  watch.look();
  assert.deepEqual(texts(), [
    "lead is the elected leader",
    "policy 0011 is in force",
    "the clock is wrong",
    "this node is the elected leader",
    "no policy is in force any more",
    "no longer so: the clock is wrong",
  ]);
});

Deno.test("TimelineWatch tells of verdicts, and of paths when their kind changes", () => {
  const { texts, watch } = setUp();
  watch.handleVerdict({ name: "web-1", healthy: false, path: "direct", failureCount: 2 });
  watch.handleVerdict({ name: "web-1", healthy: true, path: "direct", failureCount: 0 });
  for (const kind of ["direct", "direct", "relay", undefined]) watch.handlePath(A, kind);
  watch.handlePath("f".repeat(32) as NodeId, "relay");
  assert.deepEqual(texts(), [
    "web-1 does not answer any more, 2 probes missed",
    "web-1 answers, by direct",
    "packets to lead take a relay now",
    "no path for packets to lead is known any more",
  ]);
});
