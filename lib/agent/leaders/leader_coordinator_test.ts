import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import {
  type MemberRequest,
  type MeshMessage,
  MeshState,
  type NodeId,
  NodeIdentity,
  type ReplicaUpdate,
} from "../../mesh/mod.ts";
import { SmallPool, START } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import { Authority } from "../authority/mod.ts";
import { LeaderCoordinator } from "./leader_coordinator.ts";
import { MemberRequests } from "./member_requests.ts";

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
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
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

Deno.test("MemberRequests.handleLinkClosed() ends claims to that member, which may be sent again, and nothing else", async () => {
  const { requests, timers } = setUp();
  const outcomes: string[] = [];
  const ask = (nodeId: NodeId, request: MemberRequest) =>
    void requests.ask(nodeId, () => request, 2_000)
      .then((outcome) => outcomes.push(`${nodeId === a ? "a" : "b"} ${request.kind} ${outcome}`));
  ask(a, { kind: "claim", path: "math" });
  ask(b, { kind: "claim", path: "math" });
  ask(a, { kind: "demotion" });
  await settled();
  requests.handleLinkClosed(a);
  await settled();
  assert.deepEqual(outcomes, ["a claim lost"]);
  timers.advance(2_000);
  await settled();
  assert.deepEqual(outcomes.slice(1).sort(), ["a demotion undefined", "b claim undefined"]);
});

Deno.test("LeaderCoordinator publishes the record of a leader that is demoted, after it has answered", async () => {
  const [clock, random] = [new VirtualClock(START), new SeededRandom(1)];
  const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
  const options = { clock, random, addressPool: () => new SmallPool(8) };
  const mesh = MeshState.create(new MemoryStateStore(), { ...options, name: "a", cidr });
  const asker = NodeIdentity.generate(random);
  const { publicKey, signingKey: { verifyingKey } } = asker;
  assert(typeof mesh.admission?.addLeader({ name: "b", publicKey, verifyingKey, labels: {} }) === "object");
  const events: (MeshMessage | ReplicaUpdate)[] = [];
  const messages: Pick<MessagePlane, "send" | "links"> = {
    links: { get: () => undefined } as never,
    send: (_to, message) => {
      events.push(message);
      return Promise.resolve(true);
    },
  };
  const timers = new VirtualTimers(clock);
  const coordinator = new LeaderCoordinator({
    mesh,
    authority: new Authority(mesh),
    messages: messages as MessagePlane,
    clock,
    timers,
    log: silentLogger,
    names: undefined,
    overlayEndpoints: { serve: () => ({ answer: { kind: "refused" } }) },
  });
  mesh.replica.subscribe({ handleOwnUpdate: (update) => void events.push(update) });
  coordinator.handleMessage(asker.id, { kind: "request", number: 1, request: { kind: "demotion" } });
  await settled();
  const [answer, update, ...more] = events;
  assert(answer !== undefined && "answer" in answer && answer.answer.kind === "done");
  assert(update !== undefined && "records" in update);
  assert.deepEqual(update.records, [mesh.roster.signedRecord(mesh.identity.id)]);
  assert.deepEqual([mesh.record.roles, more], [["member"], []]);
});
