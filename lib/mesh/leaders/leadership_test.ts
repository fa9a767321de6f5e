import assert from "node:assert/strict";
import { StateError } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import type { JoinToken } from "../records/join_token.ts";
import type { MeshState } from "../mesh_state.ts";
import { NO_UPDATE } from "../records/replica_update.ts";
import type { Promotion } from "./promotions.ts";
import { answered, CIDR, MeshFixture, sent } from "../testing/mesh_fixture.ts";

/** As a leader of a former release asks, and as its members understand it: who is asked leads at once. */
function ofFormerRelease({ isOffer: _, ...request }: Promotion): Promotion {
  return request;
}

function slicesOf(state: MeshState): string {
  return state.leadership.slices.join(",");
}

Deno.test("Leadership.promote() gives a member the key and half of the addresses, also after a restart", () => {
  const stage = new MeshFixture(1);
  const a = stage.create();
  const b = stage.join(a, "b");
  assert.deepEqual([b.role, slicesOf(b)], ["member", ""]);
  stage.promote(a, b);
  for (const state of [b, stage.load(b)]) {
    assert.equal(state.role, "leader");
    assert.equal(slicesOf(state), "10.200.0.33-10.200.0.64");
    assert.deepEqual(state.record.roles, ["leader", "member"]);
  }
  for (const state of [a, stage.load(a)]) {
    assert.equal(slicesOf(state), "10.200.0.1-10.200.0.32");
    assert.ok(state.roster.get(b.identity.id)?.record.roles.includes("leader"));
  }
});

Deno.test("Leadership lets two leaders that cannot see each other admit, and no address is given twice", () => {
  const stage = new MeshFixture(2);
  const a = stage.create();
  const b = stage.join(a, "b");
  stage.promote(a, b);
  const joined = Array.from({ length: 20 }, (_, i) => stage.join(i % 2 === 0 ? a : b, `n${i}`));
  stage.sync(a, b);
  const addresses = a.roster.members().map(({ record }) => String(record.addresses[0]));
  assert.equal(addresses.length, joined.length + 2);
  assert.equal(new Set(addresses).size, addresses.length);
  assert.deepEqual(b.roster.members().map(({ record }) => String(record.addresses[0])), addresses);
});

Deno.test("Leadership.promote() gives the same slice again when the answer was lost, and it is taken once", () => {
  const stage = new MeshFixture(3);
  const a = stage.create();
  const b = stage.join(a, "b");
  const first = sent(a.leadership.promotions.offer(b.record));
  const again = sent(stage.load(a).leadership.promotions.offer(b.record));
  assert(first.kind === "promotion" && again.kind === "promotion");
  assert.deepEqual(again.slices, first.slices);
  b.leadership.accept(first);
  stage.confirm(a, b);
  // Its slice has gone on to somebody else before the second one comes.
  const { slices } = answered(b.leadership.demote(a.record).answer);
  assert.equal(slices?.ranges.join(), "10.200.0.33-10.200.0.64");
  b.leadership.accept(again);
  assert.equal(slicesOf(b), "");
});

Deno.test("Leadership.demote() hands addresses over once, with who has them, and forgets the key", () => {
  const stage = new MeshFixture(4);
  const a = stage.create();
  const b = stage.join(a, "b");
  stage.promote(a, b);
  const c = stage.join(b, "c");
  const { answer, update: published } = b.leadership.demote(a.record);
  const { slices, update } = answered(answer);
  assert.equal(published.records.length, 1);
  assert.equal(update?.records.length, 1, "c, which a does not have");
  assert.deepEqual([b.role, b.admission, b.record.roles], ["member", undefined, ["member"]]);
  assert.equal(stage.load(b).role, "member");
  // The answer was lost, and a asks again.
  const repeated = answered(stage.load(b).leadership.demote(a.record).answer);
  assert.deepEqual(repeated.slices, slices);
  a.leadership.take(slices ?? assert.fail(), update);
  a.leadership.take(repeated.slices ?? assert.fail());
  assert.equal(slicesOf(a), "10.200.0.1-10.200.0.32,10.200.0.33-10.200.0.64");
  assert.equal(slicesOf(stage.load(a)), slicesOf(a));
  const names = Array.from({ length: 35 }, (_, i) => stage.join(a, `n${i}`).record.addresses[0]?.toString());
  assert.ok(!names.includes(c.record.addresses[0]?.toString()));
  assert.equal(
    answered(stage.load(b).leadership.demote(c.record).answer).slices,
    undefined,
    "to nobody else",
  );
});

function sizeOf(...states: readonly MeshState[]): bigint {
  return states.flatMap(({ leadership }) => leadership.slices).reduce((sum, { size }) => sum + size, 0n);
}

/** Has leaders settle, the first one elected, until what nobody holds has been claimed. */
function settle(stage: MeshFixture, ...leaders: readonly MeshState[]): void {
  for (const ms of [0, 21_000, 0]) {
    stage.clock.advance(ms);
    for (const [i, { leadership }] of leaders.entries()) leadership.settleSlices(i === 0);
    stage.sync(...leaders);
  }
}

Deno.test("Leadership.settleSlices() brings back the addresses of leaders that were removed", () => {
  const stage = new MeshFixture(9);
  const a = stage.create();
  for (let round = 0; round < 4; round++) {
    const b = stage.join(a, `b${round}`);
    stage.promote(a, b);
    assert.ok(sizeOf(a) < 64n);
    a.admission?.revoke(b.record.publicKey);
    settle(stage, a);
    assert.equal(sizeOf(a), 64n, `round ${round}`);
  }
  assert.equal(sizeOf(stage.load(a)), 64n);
});

Deno.test("Leadership.settleSlices() claims nothing while a leader has not said what it holds", () => {
  const stage = new MeshFixture(10);
  const a = stage.create();
  const [b, c] = [stage.join(a, "b"), stage.join(a, "c")];
  stage.promote(a, b);
  // A leader of a former release says nothing; its record alone shows that it leads.
  const former = a.admission?.amend(c.record, { roles: ["leader", "member"] });
  assert.ok(typeof former === "object");
  a.admission?.revoke(b.record.publicKey);
  settle(stage, a);
  assert.equal(sizeOf(a), 32n);
});

Deno.test("Leadership.settleSlices() leaves a leader its addresses while it changes its keys", () => {
  for (let seed = 20; seed < 28; seed++) {
    const stage = new MeshFixture(seed);
    const a = stage.create();
    const b = stage.join(a, "b");
    stage.promote(a, b);
    settle(stage, a, b);
    // Its record goes by the new key before the node itself does.
    const rotation = b.prepareRotation({ endpoints: [], channelEndpoints: [], labels: {} });
    assert.ok(Array.isArray(b.admission?.rotate(b.record, rotation)));
    settle(stage, a, b);
    assert.equal(slicesOf(b), "10.200.0.33-10.200.0.64", `seed ${seed}, before`);
    assert.ok(b.adoptRotation());
    settle(stage, a, b);
    assert.equal(slicesOf(b), "10.200.0.33-10.200.0.64", `seed ${seed}, after`);
    assert.equal(sizeOf(a, b), 64n);
  }
});

Deno.test("Leadership.withdraw() takes back what was set aside for a member that refuses to lead", () => {
  const stage = new MeshFixture(11);
  const a = stage.create();
  const b = stage.join(a, "b");
  a.leadership.promotions.offer(b.record);
  assert.equal(sizeOf(a), 32n);
  a.leadership.promotions.withdraw(b.record);
  assert.deepEqual([sizeOf(a), sizeOf(stage.load(a))], [64n, 64n]);
});

Deno.test("Leadership.takeBack() has a member that answers too late lead never, in whatever order it hears of it", () => {
  for (const isFirst of [true, false]) {
    const stage = new MeshFixture(41);
    const a = stage.create();
    const b = stage.join(a, "b");
    stage.sync(a, b);
    const known = a.roster.recordById(b.identity.id) ?? assert.fail();
    const request = ofFormerRelease(a.leadership.promotions.offer(known));
    const update = a.leadership.promotions.takeBack(known) ?? assert.fail();
    if (isFirst) {
      b.replica.merge(update);
      assert.equal(b.leadership.accept(request), undefined);
    } else {
      assert(b.leadership.accept(request) !== undefined);
      assert.equal(b.role, "leader");
      stage.sync(a, b);
      assert(b.leadership.yield());
    }
    stage.sync(a, b);
    assert.deepEqual([b.role, a.roster.recordById(b.identity.id)?.roles], ["member", ["member"]]);
    // The next one is as good as ever.
    stage.promote(a, b);
    assert.equal(b.role, "leader");
    assert.equal(a.leadership.promotions.takeBack(b.record), undefined, "it leads: only its answer was lost");
  }
});

Deno.test("Leadership.settleSlices() lets one of two keep what both hold, and nothing is lost", () => {
  for (let seed = 12; seed < 20; seed++) {
    const stage = new MeshFixture(seed);
    const a = stage.create();
    const b = stage.join(a, "b");
    const request = ofFormerRelease(a.leadership.promotions.offer(b.record));
    // It takes what it was given where nobody hears of it, and after an hour that counts as lost.
    assert.ok(b.leadership.accept(request));
    stage.clock.advance(3_600_000);
    for (const ms of [0, 21_000, 0]) {
      stage.clock.advance(ms);
      a.leadership.settleSlices(true);
    }
    assert.deepEqual([sizeOf(a), sizeOf(b)], [64n, 32n]);
    stage.sync(a, b);
    settle(stage, a, b);
    settle(stage, a, b);
    assert.equal(sizeOf(a, b), 64n, `${slicesOf(a)} and ${slicesOf(b)}`);
  }
});

Deno.test("Leadership.depose() ends the leadership of one that is dead, which learns of it at its return", () => {
  const stage = new MeshFixture(20);
  const a = stage.create();
  const b = stage.join(a, "b");
  stage.promote(a, b);
  assert.ok(a.leadership.depose(b.record));
  settle(stage, a);
  assert.equal(sizeOf(a), 64n);
  const back = stage.load(b);
  assert.equal(back.leadership.yield(), false, "it has heard nothing yet");
  stage.sync(a, back);
  assert.equal(back.leadership.yield(), true);
  assert.deepEqual([back.role, slicesOf(back), stage.load(back).role], ["member", "", "member"]);
});

Deno.test("Leadership.accept() takes no other key and nothing that is sealed for another", () => {
  const stage = new MeshFixture(5);
  const a = stage.create();
  const [b, c] = [stage.join(a, "b"), stage.join(a, "c")];
  const stranger = stage.create();
  const forC = a.leadership.promotions.offer(c.record);
  assert.equal(b.leadership.accept(forC), undefined);
  assert.equal(b.leadership.accept({ ...forC, sealedSeed: forC.sealedSeed.with(40, 1) }), undefined);
  const wrong = stranger.leadership.promotions.offer(b.record);
  assert.equal(b.leadership.accept(wrong), undefined);
  assert.deepEqual([b.role, stage.load(b).role], ["member", "member"]);
});

Deno.test("Leadership changes nothing when the store fails at whichever write", () => {
  const stage = new MeshFixture(6);
  const a = stage.create();
  const b = stage.join(a, "b");
  const request = ofFormerRelease(a.leadership.promotions.offer(b.record));
  const store = stage.stores.get(b) ?? assert.fail();
  const put = store.put.bind(store);
  let failAt = 0;
  for (; b.role === "member"; failAt++) {
    let writes = 0;
    store.put = (collection, key, value) => {
      if (writes++ === failAt) throw new StateError("the disk is full");
      put(collection, key, value);
    };
    try {
      b.leadership.accept(request);
    } catch (error) {
      assert.ok(error instanceof StateError);
      assert.deepEqual([b.role, b.record.roles], ["member", ["member"]]);
      store.put = put;
      assert.equal(stage.load(b).role, "member");
    }
  }
  assert.ok(failAt > 3, `${failAt} writes`);
  store.put = put;
  assert.equal(slicesOf(stage.load(b)), "10.200.0.33-10.200.0.64");
});

function newToken(leader: MeshState, uses?: number): JoinToken {
  return leader.tokens?.create({
    networkId: leader.network.id,
    leaderPublicKey: leader.identity.publicKey,
    endpoints: [],
    cidr: CIDR,
    lifetimeMs: 3_600_000,
    uses,
  }) ?? assert.fail();
}

Deno.test("MeshState.shareTokens() gives a token to all leaders, and to nobody else", () => {
  const stage = new MeshFixture(7);
  const a = stage.create();
  const token = newToken(a, 2);
  assert.deepEqual(a.shareTokens().entries, [], "there is no other leader");
  const [b, member] = [stage.join(a, "b"), stage.join(a, "m")];
  stage.promote(a, b);
  const update = a.shareTokens();
  assert.ok(update.entries.length >= 1);
  assert.deepEqual(a.shareTokens().entries, [], "once");
  for (const state of [b, member]) state.replica.merge(update);
  for (const { payload } of update.entries) {
    const text = new TextDecoder("latin1").decode(payload);
    assert.ok(!text.includes("secretHash") && !text.includes("labels"));
  }
  b.shareTokens();
  const key = (seed: number) => PrivateKey.fromBytes(new Uint8Array(32).fill(seed)).publicKey;
  assert.ok(b.tokens?.presharedKeyFor(token.tokenId, key(1))?.equals(token.presharedKey));
  assert.ok(b.tokens?.redeem(token.tokenId, token.secret, key(1)));
  assert.ok(a.tokens?.redeem(token.tokenId, token.secret, key(2)));
  stage.sync(a, b);
  for (const state of [b, a, b]) stage.sync(...[a, b].filter(() => state.shareTokens()));
  for (const { tokens } of [a, b]) {
    assert.deepEqual([tokens?.get(token.tokenId)?.used, tokens?.get(token.tokenId)?.state], [2, "used"]);
  }
  const other = newToken(b);
  stage.sync(a, b);
  a.replica.merge(b.shareTokens());
  a.shareTokens();
  a.tokens?.revoke(other.tokenId);
  b.replica.merge(a.shareTokens());
  b.shareTokens();
  assert.equal(b.tokens?.get(other.tokenId)?.state, "revoked");
});

Deno.test("MeshState.adoptRotation() keeps name, address and entries under new keys, whenever the node crashes", () => {
  const stage = new MeshFixture(8);
  const a = stage.create();
  const b = stage.join(a, "b");
  stage.sync(a, b);
  const body = Uint8Array.of(7);
  b.replica.entries.write(b.identity.id, b.identity.signingKey, { kind: "name", key: "web", body });
  const former = b.record;
  const rotation = b.prepareRotation({ endpoints: [], channelEndpoints: [], labels: {} });
  assert.equal(b.isRotating, false);
  const crashed = stage.load(b);
  const again = crashed.prepareRotation({ endpoints: [], channelEndpoints: [], labels: {} });
  assert.ok(again.publicKey.equals(rotation.publicKey), "the same keys");
  const both = a.admission?.rotate(former, rotation);
  assert.ok(typeof both === "object" && !("retryAfterMs" in both));
  const [next, old] = both.map(({ signed }) => signed);
  assert.ok(next && old);
  // The revocation alone is not enough to go on.
  crashed.replica.merge({ ...NO_UPDATE, records: [old] });
  assert.equal(crashed.isRotating, true);
  assert.equal(crashed.adoptRotation(), undefined);
  assert.equal(crashed.record.nodeId, former.nodeId);
  const resumed = stage.load(crashed);
  resumed.replica.merge({ ...NO_UPDATE, records: [next] });
  const changes = resumed.adoptRotation() ?? assert.fail();
  for (const state of [resumed, stage.load(resumed)]) {
    assert.ok(state.identity.publicKey.equals(rotation.publicKey));
    assert.deepEqual([state.record.name, state.record.addresses], [former.name, former.addresses]);
    assert.equal(state.isRotating, false);
    assert.equal(state.adoptRotation(), undefined);
  }
  a.replica.merge(changes);
  a.replica.handleTimeout();
  assert.deepEqual(a.replica.entries.list("name").map(({ origin }) => origin), [resumed.identity.id]);
  assert.equal(a.roster.byName("b")?.record.nodeId, resumed.identity.id);
  assert.ok(a.roster.isRevoked(former.publicKey));
});
