import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import {
  decodeMeshMessage,
  encodeJoinRequest,
  type Grants,
  type MeshMessage,
  MeshState,
  NO_GRANTS,
} from "../../mesh/mod.ts";
import { MAX_CLAIMS } from "../../mesh/bounds.ts";
import { SmallPool, START } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import { TopicPath } from "../../service/mod.ts";
import { Authority } from "../authority/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import { LeaderCoordinator } from "./leader_coordinator.ts";
import { PathClaims } from "./path_claims.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** A leader and members of its network, each with what it knows itself. */
class Fixture {
  readonly clock = new VirtualClock(START);
  readonly random = new SeededRandom(5);
  readonly leader = MeshState.create(new MemoryStateStore(), { ...this.options, name: "lead", cidr });

  get options() {
    return { random: this.random, clock: this.clock, addressPool: () => new SmallPool(200) };
  }

  join(name: string, grants: Partial<Grants> = {}): MeshState {
    const { leader, clock } = this;
    const store = new MemoryStateStore();
    const identity = MeshState.prepareJoin(store, this.random);
    const token = leader.tokens?.create({
      networkId: leader.network.id,
      leaderPublicKey: leader.identity.publicKey,
      endpoints: [],
      cidr,
      lifetimeMs: 1000,
      grants: { ...NO_GRANTS, ...grants },
    }) ?? assert.fail();
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert.equal(asked?.kind, "join-request");
    const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
    const enrolled = leader.admission?.admit(request);
    assert.ok(typeof enrolled === "object", String(enrolled));
    const [answer] = leader.admittedMessages(enrolled).map(decodeMeshMessage);
    assert.equal(answer?.kind, "admitted");
    const state = MeshState.completeJoin(store, { ...this.options, admitted: answer.admitted, token });
    assert.ok(state instanceof MeshState);
    return state;
  }

  promote(member: MeshState): void {
    const { promotions } = this.leader.leadership;
    assert.ok(member.leadership.accept(promotions.offer(member.record)));
    member.replica.merge(promotions.confirm(member.record) ?? assert.fail());
    assert.ok(member.leadership.takeOffer());
    sync(this.leader, member);
  }

  /** What a leader does with claims. */
  claimsAt(mesh: MeshState) {
    const authority = new Authority(mesh);
    const claims = new PathClaims({ mesh, authority, clock: this.clock });
    const claim = (asker: MeshState, path: string) => {
      const record = mesh.roster.get(asker.identity.id)?.record ?? assert.fail();
      const update = claims.grant(record, path);
      if (update !== undefined) mesh.replica.publish(update);
      return update;
    };
    const owners = (path: string) =>
      Array.from(authority.ownersOf(TopicPath.parse(path)), (id) => mesh.roster.get(id)?.record.name).sort();
    return { claims, claim, owners, authority };
  }
}

/** Lets them send each other everything. */
function sync(...states: readonly MeshState[]): void {
  for (const from of states) {
    for (const to of states) {
      to.replica.merge(from.replica.snapshot());
      to.replica.deliverEvents();
    }
  }
}

Deno.test("PathClaims gives a path to the first who asks, and to nobody else what is below it", () => {
  const stage = new Fixture();
  const [a, b] = [stage.join("a"), stage.join("b")];
  const { claim, claims, owners } = stage.claimsAt(stage.leader);
  assert.ok(claim(a, "mesh:math"));
  assert.deepEqual(owners("math"), ["a"]);
  for (const path of ["math", "mesh:math", "math/add", "$registry", "not a path", "math/>"]) {
    assert.equal(claim(b, path), undefined, path);
  }
  assert.deepEqual(claims.owners("math/add").records, [stage.leader.roster.signedRecord(a.identity.id)]);
  assert.deepEqual(claims.owners("nobody's").records, []);
  assert.ok(claim(b, "other:math"));
});

Deno.test("PathClaims signs nothing for what a member has, and nothing beyond sixteen paths", () => {
  const stage = new Fixture();
  const a = stage.join("a", { offer: ["jobs/>"] });
  const { claim } = stage.claimsAt(stage.leader);
  const version = () => stage.leader.roster.get(a.identity.id)?.record.version;
  for (let i = 0; i < MAX_CLAIMS; i++) assert.ok(claim(a, `service-${i}`));
  assert.equal(version(), 1 + MAX_CLAIMS);
  assert.equal(claim(a, "one-more"), undefined);
  assert.ok(claim(a, "jobs/any") && claim(a, "service-3"));
  assert.equal(version(), 1 + MAX_CLAIMS);
});

Deno.test("PathClaims bounds what names of paths take in a record, so that it stays one that others can read", () => {
  const stage = new Fixture();
  const [a, b] = [stage.join("a"), stage.join("b")];
  const { claim } = stage.claimsAt(stage.leader);
  const long = (i: number) => `mesh:${"x".repeat(200)}${i}`;
  const given = Array.from({ length: MAX_CLAIMS }, (_, i) => claim(a, long(i))).filter(Boolean).length;
  assert.equal(given, 4);
  sync(stage.leader, b);
  assert.equal(b.roster.get(a.identity.id)?.record.grants.claimed.length, 4);
});

Deno.test("PathClaims has a leader take its own paths into its record, so that nobody else gets them", () => {
  const stage = new Fixture();
  const b = stage.join("b");
  const { claim, owners, authority } = stage.claimsAt(stage.leader);
  assert.ok(authority.mayOffer(stage.leader.identity.id, TopicPath.parse("math")), "it may do everything");
  assert.ok(claim(stage.leader, "mesh:math"));
  assert.deepEqual(owners("math"), ["lead"]);
  assert.equal(claim(b, "math"), undefined);
  assert.equal(authority.mayPublish(b.identity.id, TopicPath.parse("math/added")), false);
});

Deno.test("PathClaims looks at 32 claims of a member and 256 of all at once, and at those that come later in time", () => {
  const stage = new Fixture();
  const { claims } = stage.claimsAt(stage.leader);
  const count = (asker: string, times: number) =>
    Array.from({ length: times }, () => claims.allows(asker as MeshState["identity"]["id"])).filter(Boolean)
      .length;
  assert.equal(count("hostile", 10_000), 32);
  assert.equal(count("honest", 3), 3, "one that floods takes nothing from others");
  for (let i = 0; i < 20; i++) count(`flood-${i}`, 100);
  assert.equal(count("late", 1), 0);
  stage.clock.advance(1_000);
  assert.equal(count("late", 1), 1);
  assert.equal(count("hostile", 100), 0);
  stage.clock.advance(60_000);
  assert.equal(count("hostile", 100), 12);
});

Deno.test("PathClaims of two leaders that are cut apart give one path to two members, and both keep it", () => {
  const stage = new Fixture();
  const second = stage.join("second");
  stage.promote(second);
  const [a, b] = [stage.join("a"), stage.join("b")];
  sync(stage.leader, second, a, b);
  const [here, there] = [stage.claimsAt(stage.leader), stage.claimsAt(second)];
  assert.ok(here.claim(a, "math") && there.claim(b, "math"));
  assert.deepEqual([here.owners("math"), there.owners("math")], [["a"], ["b"]]);
  sync(stage.leader, second, a, b);
  for (const mesh of [stage.leader, second, a, b]) {
    const { owners, authority } = stage.claimsAt(mesh);
    assert.deepEqual(owners("math"), ["a", "b"]);
    for (const { identity } of [a, b]) {
      assert.ok(authority.mayOffer(identity.id, TopicPath.parse("math")));
      assert.ok(authority.mayPublish(identity.id, TopicPath.parse("math/added")));
    }
  }
  assert.equal(here.claim(second, "other:math") !== undefined, true);
});

/** A coordinator of a node whose messages go nowhere. */
function coordinatorOf(stage: Fixture, mesh: MeshState) {
  const sent: MeshMessage[] = [];
  const messages: Pick<MessagePlane, "send" | "reach" | "links"> = {
    links: { get: () => undefined } as never,
    reach: () => Promise.resolve(true),
    send: (_to, message) => {
      sent.push(message);
      return Promise.resolve(true);
    },
  };
  const timers = new VirtualTimers(stage.clock);
  const coordinator = new LeaderCoordinator({
    mesh,
    authority: new Authority(mesh),
    messages: messages as MessagePlane,
    clock: stage.clock,
    timers,
    log: silentLogger,
    names: undefined,
    overlayEndpoints: { serve: () => ({ answer: { kind: "refused" } }) },
  });
  return { coordinator, sent, timers };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("LeaderCoordinator refuses a claim after it has said who has the path, and answers no flood of claims", async () => {
  const stage = new Fixture();
  const [a, b] = [stage.join("a"), stage.join("b")];
  const { coordinator, sent } = coordinatorOf(stage, stage.leader);
  assert.equal(await coordinator.claim(TopicPath.parse("own")), "granted");
  assert.deepEqual(stage.leader.record.grants.claimed, ["mesh:own"]);
  const ask = async (asker: MeshState, number: number) => {
    coordinator.handleMessage(asker.identity.id, {
      kind: "request",
      number,
      request: { kind: "claim", path: "math" },
    });
    await settled();
    return sent.splice(0);
  };
  const [given] = await ask(a, 1);
  assert.ok(given?.kind === "response" && given.answer.kind === "done");
  const [owners, refused] = await ask(b, 1);
  assert.ok(owners?.kind === "roster-update" && refused?.kind === "response");
  assert.equal(refused.answer.kind, "refused");
  b.replica.merge(owners.update);
  assert.deepEqual(b.roster.get(a.identity.id)?.record.grants.claimed, ["mesh:math"]);
  let answered = 0;
  for (let i = 2; i < 1_000; i++) if ((await ask(b, i)).length > 0) answered++;
  assert.equal(answered, 31);
});

Deno.test("LeaderCoordinator.claim() tells a leader its own newest record first, and asks the next one after two seconds", async () => {
  const stage = new Fixture();
  const second = stage.join("second");
  stage.promote(second);
  const a = stage.join("a");
  sync(stage.leader, second, a);
  const { coordinator, sent, timers } = coordinatorOf(stage, a);
  coordinator.start();
  sent.length = 0;
  const claimed = coordinator.claim(TopicPath.parse("math"));
  await settled();
  assert.deepEqual(sent.map(({ kind }) => kind), ["roster-update", "request"]);
  const [told] = sent;
  assert.ok(told?.kind === "roster-update");
  assert.deepEqual(told.update.records, [a.roster.signedRecord(a.identity.id)]);
  timers.advance(2_000);
  await settled();
  assert.equal(sent.filter(({ kind }) => kind === "request").length, 2);
  timers.advance(2_000);
  assert.equal(await claimed, "unanswered");
  coordinator.close();
});
