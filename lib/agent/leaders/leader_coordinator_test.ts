import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { MeshMessage, NodeId } from "../../mesh/mod.ts";
import { MemberRequests } from "./leader_coordinator.ts";

const [a, b] = ["a", "b"].map((digit) => digit.repeat(32) as NodeId) as [NodeId, NodeId];

function setUp(isReachable = true) {
  const timers = new VirtualTimers(new VirtualClock());
  const sent: { to: NodeId; number: number }[] = [];
  const requests = new MemberRequests({
    reach: () => Promise.resolve(isReachable),
    send: (to: NodeId, message: MeshMessage) => {
      assert.equal(message.kind, "request");
      sent.push({ to, number: message.number });
      return Promise.resolve(true);
    },
  }, timers);
  return { timers, sent, requests };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

Deno.test("MemberRequests.ask() resolves with the answer of the one who was asked", async () => {
  const { requests, sent, timers } = setUp();
  const asked = [
    requests.ask(a, () => ({ kind: "demotion" })),
    requests.ask(b, () => ({ kind: "demotion" })),
  ];
  await settled();
  const [first, second] = sent;
  assert.deepEqual([first?.to, second?.to], [a, b]);
  // In whatever order, and nobody answers for another.
  requests.handleAnswer(a, second?.number ?? 0, { kind: "done" });
  requests.handleAnswer(b, second?.number ?? 0, { kind: "refused" });
  requests.handleAnswer(b, 77, { kind: "done" });
  requests.handleAnswer(a, first?.number ?? 0, { kind: "done" });
  assert.deepEqual(await Promise.all(asked), [{ kind: "done" }, { kind: "refused" }]);
  assert.equal(timers.size, 0);
});

Deno.test("MemberRequests.ask() gives up after ten seconds, at the end, and on whom it cannot reach", async () => {
  const { requests, timers } = setUp();
  const late = requests.ask(a, () => ({ kind: "demotion" }));
  await settled();
  timers.advance(10_000);
  assert.equal(await late, undefined);
  const ended = requests.ask(a, () => ({ kind: "demotion" }));
  await settled();
  requests.close();
  assert.equal(await ended, undefined);
  assert.equal(await setUp(false).requests.ask(a, () => ({ kind: "demotion" })), "unsent");
});
