import assert from "node:assert/strict";
import { silentLogger, VirtualTimers } from "../../base/mod.ts";
import {
  decodeMeshMessage,
  encodeMeshMessage,
  type MemberAnswer,
  type MemberRequest,
  type MeshMessage,
  type MeshState,
  type NodeId,
} from "../../mesh/mod.ts";
import { MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import { TopicPath } from "../../service/mod.ts";
import { Authority } from "../authority/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import { LeaderCoordinator } from "./leader_coordinator.ts";

const PATH = TopicPath.parse("data/orders");

/** Two leaders and two members that hear of each other by what they ask and answer alone. */
class Stage {
  readonly fixture = new MeshFixture(37);
  readonly timers = new VirtualTimers(this.fixture.clock);
  readonly #nodes = new Map<NodeId, { readonly mesh: MeshState; readonly coordinator: LeaderCoordinator }>();
  /** Who hears nothing. */
  readonly away = new Set<NodeId>();
  /** What members were answered. */
  readonly answers = new Map<NodeId, MemberAnswer>();
  readonly elected: MeshState;
  readonly other: MeshState;
  readonly members: readonly [MeshState, MeshState];

  constructor() {
    const { fixture } = this;
    const a = fixture.create();
    const b = fixture.join(a, "b");
    this.members = [fixture.join(a, "m"), fixture.join(a, "n")];
    const all = [a, b, ...this.members];
    fixture.sync(...all);
    fixture.promote(a, b);
    fixture.sync(...all);
    for (const mesh of all) this.#nodes.set(mesh.identity.id, { mesh, coordinator: this.#start(mesh) });
    [this.elected, this.other] = this.coordinator(a).elected === a.identity.id ? [a, b] : [b, a];
  }

  #start(mesh: MeshState): LeaderCoordinator {
    const self = mesh.identity.id;
    const messages = {
      links: { get: () => undefined, all: () => [] },
      broadcast: () => {},
      reach: () => Promise.resolve(true),
      send: (to: NodeId, message: MeshMessage) => {
        if (!this.away.has(to)) this.#receive(self, to, decodeMeshMessage(encodeMeshMessage(message)));
        return Promise.resolve(true);
      },
    } as unknown as MessagePlane;
    const coordinator = new LeaderCoordinator({
      mesh,
      messages,
      authority: new Authority(mesh),
      clock: this.fixture.clock,
      timers: this.timers,
      log: silentLogger,
      names: undefined,
      overlayEndpoints: { serve: () => ({ answer: { kind: "refused" } }) },
    });
    coordinator.start();
    return coordinator;
  }

  #receive(from: NodeId, to: NodeId, message: MeshMessage | undefined): void {
    const { mesh, coordinator } = this.#nodes.get(to) ?? assert.fail();
    if (message?.kind === "roster-update") {
      mesh.replica.merge(message.update);
      mesh.replica.deliverEvents();
    } else if (message?.kind === "request" || message?.kind === "response") {
      if (message.kind === "response") this.answers.set(to, message.answer);
      coordinator.handleMessage(from, message);
    } else assert.fail(message?.kind);
  }

  coordinator(mesh: MeshState): LeaderCoordinator {
    return this.#nodes.get(mesh.identity.id)?.coordinator ?? assert.fail();
  }

  /** Has a node ask a leader, and none else. */
  ask(from: MeshState, leader: MeshState, request: MemberRequest): void {
    this.coordinator(leader).handleMessage(from.identity.id, { kind: "request", number: 1, request });
  }

  answerOf(mesh: MeshState): MemberAnswer | undefined {
    return this.answers.get(mesh.identity.id);
  }

  /** Lets 100 ms pass until it is so. @returns how long that took, in milliseconds */
  async until(isDone: () => boolean): Promise<number> {
    const since = this.fixture.clock.now();
    for (let turn = 0; turn < 100; turn++) {
      for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
      if (isDone()) return this.fixture.clock.now() - since;
      this.timers.advance(100);
    }
    assert.fail("never");
  }

  /** Whose the path is, once all have heard of all. */
  owners(): readonly (string | undefined)[] {
    const meshes = Array.from(this.#nodes.values(), ({ mesh }) => mesh);
    this.fixture.sync(...meshes);
    for (const { replica } of meshes) replica.deliverEvents();
    const owners = meshes.map((mesh) => [...new Authority(mesh).ownersOf(PATH)].sort());
    for (const each of owners) assert.deepEqual(each, owners[0]);
    return (owners[0] ?? []).map((nodeId) => this.elected.roster.get(nodeId)?.record.name);
  }

  close(): void {
    for (const { coordinator } of this.#nodes.values()) coordinator.close();
  }
}

Deno.test("of two leaders that claim a path at once the elected one decides which has it", async () => {
  for (const isElectedFirst of [true, false]) {
    const stage = new Stage();
    const { elected, other } = stage;
    const leaders = isElectedFirst ? [elected, other] : [other, elected];
    let done = 0;
    for (const leader of leaders) void stage.coordinator(leader).claim(PATH).then(() => done++);
    assert.ok(await stage.until(() => done === 2) <= 500);
    assert.equal(stage.owners().length, 1);
    const [loser] = leaders.filter(({ identity }) => !new Authority(elected).ownersOf(PATH).has(identity.id));
    assert.ok(loser);
    assert.equal(new Authority(loser).ownersOf(PATH).size, 1);
    stage.close();
  }
});

Deno.test("of two members that claim a path at once at two leaders one gets it, and the other hears who has it", async () => {
  const stage = new Stage();
  const { elected, other, members: [m, n] } = stage;
  const request = { kind: "claim", path: PATH.toString() } as const;
  stage.ask(m, other, request);
  stage.ask(n, elected, request);
  await stage.until(() => stage.answers.has(m.identity.id) && stage.answers.has(n.identity.id));
  const kinds = [m, n].map((member) => stage.answerOf(member)?.kind);
  assert.deepEqual(kinds.toSorted(), ["done", "refused"]);
  const [winner, loser] = kinds[0] === "done" ? [m, n] : [n, m];
  assert.deepEqual([...new Authority(loser).ownersOf(PATH)], [winner.identity.id]);
  assert.deepEqual(stage.owners(), [winner.record.name]);
  stage.close();
});

Deno.test("a claim that comes to a leader which is not elected is signed by the elected one, for the member that asks", async () => {
  const stage = new Stage();
  const { elected, other, members: [m] } = stage;
  stage.ask(m, other, { kind: "claim", path: PATH.toString() });
  assert.equal(await stage.until(() => stage.answers.has(m.identity.id)), 0);
  assert.deepEqual([...new Authority(elected).ownersOf(PATH)], [m.identity.id]);
  const answer = stage.answerOf(m);
  assert.ok(answer?.kind === "done" && answer.update !== undefined);
  m.replica.merge(answer.update);
  assert.deepEqual(m.record.grants.claimed, [PATH.toString()]);
  stage.close();
});

Deno.test("while the elected leader is away, a claim is granted before a member asks its next leader", async () => {
  for (const isOwn of [true, false]) {
    const stage = new Stage();
    const { elected, other, members: [m] } = stage;
    stage.away.add(elected.identity.id);
    let outcome: string | undefined;
    if (isOwn) void stage.coordinator(other).claim(PATH).then((one) => outcome = one);
    else stage.ask(m, other, { kind: "claim", path: PATH.toString() });
    const tookMs = await stage.until(() => isOwn ? outcome !== undefined : stage.answers.has(m.identity.id));
    assert.ok(tookMs >= 1_000 && tookMs < 2_000, `${tookMs} ms`);
    assert.deepEqual(stage.owners(), [(isOwn ? other : m).record.name]);
    stage.close();
  }
});

Deno.test("the elected leader decides for members that leaders name, and for nobody else; another leader has it wait", async () => {
  const stage = new Stage();
  const { elected, other, members: [m, n] } = stage;
  const claim = { kind: "member-claim", path: PATH.toString(), nodeId: m.identity.id } as const;
  stage.ask(n, elected, claim);
  await stage.until(() => stage.answers.has(n.identity.id));
  assert.deepEqual(stage.answerOf(n), { kind: "refused" });
  stage.ask(elected, other, claim);
  await stage.until(() => stage.answers.has(elected.identity.id));
  assert.deepEqual(stage.answerOf(elected), { kind: "refused", retryAfterMs: 250 });
  assert.deepEqual(stage.owners(), []);
  stage.close();
});
