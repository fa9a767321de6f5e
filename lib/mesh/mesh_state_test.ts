import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, StateError, type StateStore, VirtualClock } from "../base/mod.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import { AlreadyInitializedError, NotInitializedError, storedNetworkId } from "./network_store.ts";
import type { JoinToken } from "./records/join_token.ts";
import { type Admitted, decodeMeshMessage } from "./wire/mod.ts";
import { encodeJoinRequest, MeshState } from "./mesh_state.ts";
import { SmallPool, START, stated } from "./testing/test_network.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const [here, there] = ["192.0.2.1:51820", "198.51.100.1:51820"].map((text) =>
  Endpoint.parse(text) ?? assert.fail()
);
assert.ok(here && there);

function setUp(seed: number) {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const options = { random, clock, addressPool: () => new SmallPool(20) };
  const create = (over: StateStore = store) => MeshState.create(over, { ...options, name: "a", cidr });
  return { random, clock, store, options, create };
}

function newToken(leader: MeshState): JoinToken {
  const { network, identity, tokens } = leader;
  const endpoints = here ? [here] : [];
  const fields = { networkId: network.id, leaderPublicKey: identity.publicKey, endpoints, cidr };
  return tokens?.create({ ...fields, lifetimeMs: 3_600_000, uses: 1 }) ?? assert.fail();
}

/** Both halves of a join, by way of their bytes; the joiner keeps nothing yet. */
function ask(leader: MeshState, store: StateStore, token: JoinToken, clock: VirtualClock): Admitted {
  const identity = MeshState.prepareJoin(store, new SeededRandom(99));
  const wanted = { name: "b", labels: {}, endpoints: [there ?? assert.fail()], channelEndpoints: [] };
  const asked = decodeMeshMessage(encodeJoinRequest(identity, token, { ...wanted, clock }));
  assert.equal(asked?.kind, "join-request");
  const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
  const enrolled = leader.admission?.admit(request);
  assert.ok(typeof enrolled === "object", String(enrolled));
  const [first, ...rest] = leader.admittedMessages(enrolled, there?.address);
  assert.equal(rest.length, 0);
  const answer = decodeMeshMessage(first ?? assert.fail());
  assert.equal(answer?.kind, "admitted");
  return answer.admitted;
}

Deno.test("MeshState.create() starts a network once, and load() resumes it", () => {
  const { store, options, create } = setUp(1);
  assert.throws(() => MeshState.load(store, options), NotInitializedError);
  assert.equal(storedNetworkId(store), undefined);
  const state = create();
  assert.deepEqual([state.role, state.record.name, state.record.roles], ["leader", "a", [
    "leader",
    "member",
  ]]);
  assert.equal(state.record.addresses.length, 2);
  assert.ok(state.ipv6Cidr?.contains(state.record.addresses[1] ?? assert.fail()));
  assert.throws(() => create(), AlreadyInitializedError);
  assert.throws(() => MeshState.prepareJoin(store, options.random), AlreadyInitializedError);
  const again = MeshState.load(store, options);
  assert.deepEqual(again.record, state.record);
  assert.equal(again.network.id, storedNetworkId(store));
  assert.ok(again.admission && again.tokens);
});

Deno.test("MeshState.completeJoin() makes a member that knows the leader, and load() resumes it", () => {
  const { options, create, clock } = setUp(2);
  const leader = create();
  leader.state({ endpoints: [here], channelEndpoints: [here], labels: {} });
  const token = newToken(leader);
  const store = new MemoryStateStore();
  const admitted = ask(leader, store, token, clock);
  assert.deepEqual(admitted.observedAddress, there.address);
  const member = MeshState.completeJoin(store, { ...options, admitted, token });
  assert.ok(member instanceof MeshState);
  assert.deepEqual([member.role, member.record.name, member.tokens], ["member", "b", undefined]);
  const again = MeshState.load(store, options);
  assert.equal(again.identity.id, member.identity.id);
  assert.deepEqual(again.roster.members(), leader.roster.members());
  assert.deepEqual(again.roster.byName("a")?.statement?.endpoints.map(String), [here.toString()]);
  assert.deepEqual(again.bootstrap?.endpoints.map(String), token.endpoints.map(String));
  assert.ok(again.cidr.equals(cidr));
});

Deno.test("MeshState.dropJoin() lets the next join have other keys, and leaves a member alone", () => {
  const store = new MemoryStateStore();
  const random = new SeededRandom(98);
  const { id } = MeshState.prepareJoin(store, random);
  assert.equal(MeshState.prepareJoin(store, random).id, id);
  MeshState.dropJoin(store);
  assert.notEqual(MeshState.prepareJoin(store, random).id, id);
});

Deno.test("MeshState.prepareJoin() gives a joiner that crashed the same keys, and it is admitted as the same", () => {
  const { create, clock, options } = setUp(3);
  const leader = create();
  const token = newToken(leader);
  const store = new MemoryStateStore();
  const first = ask(leader, store, token, clock);
  const second = ask(leader, store, token, clock);
  assert.deepEqual(second.record, first.record);
  assert.equal(leader.roster.members().length, 2);
  assert.ok(MeshState.completeJoin(store, { ...options, admitted: second, token }) instanceof MeshState);
});

Deno.test("MeshState.completeJoin() takes no other network's and no other node's answer", () => {
  const { create, clock, options } = setUp(4);
  const leader = create();
  const other = create(new MemoryStateStore());
  const store = new MemoryStateStore();
  const token = newToken(leader);
  const admitted = ask(leader, store, token, clock);
  const elsewhere = ask(other, new MemoryStateStore(), newToken(other), clock);
  const own = leader.roster.signedRecord(leader.identity.id) ?? assert.fail();
  for (const wrong of [elsewhere, { ...admitted, record: elsewhere.record }, { ...admitted, record: own }]) {
    const result = MeshState.completeJoin(store, { ...options, admitted: wrong, token });
    assert.ok(!(result instanceof MeshState));
    assert.equal(storedNetworkId(store), undefined);
  }
});

Deno.test("MeshState.create() and completeJoin() leave nothing behind at whichever write the store fails", () => {
  const { create, clock, options } = setUp(5);
  const leader = create();
  const token = newToken(leader);
  const joining = new MemoryStateStore();
  const admitted = ask(leader, joining, token, clock);
  const join = (store: StateStore) => MeshState.completeJoin(store, { ...options, admitted, token });
  for (const [store, begin] of [[new MemoryStateStore(), create], [joining, join]] as const) {
    const put = store.put.bind(store);
    let failAt = 0;
    for (;; failAt++) {
      let writes = 0;
      store.put = (collection, key, value) => {
        if (writes++ === failAt) throw new StateError("the disk is full");
        put(collection, key, value);
      };
      try {
        assert.ok(begin(store) instanceof MeshState);
        break;
      } catch (error) {
        assert.ok(error instanceof StateError, String(error));
      }
      assert.throws(() => MeshState.load(store, options), NotInitializedError);
      assert.equal(store.entries("record").length, 0);
    }
    assert.ok(failAt >= 4, `${failAt} writes`);
    assert.ok(MeshState.load(store, options).record);
  }
});

Deno.test("MeshState.state() signs only what has changed, and its versions never fall", () => {
  const { store, options, create, clock } = setUp(6);
  const state = create();
  assert.ok(state.state({ endpoints: [here], channelEndpoints: [here], labels: {} }));
  assert.equal(state.state({ endpoints: [here, here], channelEndpoints: [here], labels: {} }), undefined);
  const before = state.roster.get(state.identity.id)?.statement?.version ?? assert.fail();
  const again = MeshState.load(store, options);
  assert.equal(again.state({ endpoints: [here], channelEndpoints: [here], labels: {} }), undefined);
  assert.ok(again.state({ endpoints: [there], channelEndpoints: [here], labels: {} }));
  const after = again.roster.get(again.identity.id)?.statement?.version ?? assert.fail();
  assert.ok(after > before);
  clock.advance(10);
  // What this node stated before its state was lost comes back from the others.
  again.roster.mergeStatement(stated(again.identity, after + 1_000_000, "192.0.2.77:1"));
  assert.ok(again.state({ endpoints: [there], channelEndpoints: [here], labels: {} }));
  assert.deepEqual(again.roster.get(again.identity.id)?.statement?.endpoints.map(String), [there.toString()]);
  const many = Array.from({ length: 20 }, (_, i) => new Endpoint(here.address, i));
  assert.ok(again.state({ endpoints: many, channelEndpoints: many, labels: {} }));
  assert.equal(again.roster.get(again.identity.id)?.statement?.endpoints.length, 8);
});

Deno.test("MeshState.load() refuses damaged state, and names what is damaged", () => {
  const { store, options, create } = setUp(7);
  create();
  for (
    const [collection, key] of [["identity", "seed"], ["network", "settings"], [
      "network",
      "signing-seed",
    ]] as const
  ) {
    const whole = store.get(collection, key) ?? assert.fail();
    store.put(collection, key, whole.slice(1));
    assert.throws(() => MeshState.load(store, options), StateError, key);
    store.put(collection, key, whole);
  }
  assert.ok(MeshState.load(store, options));
});

/** A store that knows what it was ever given. */
class WatchedStore extends MemoryStateStore {
  readonly collections: Set<string> = new Set();

  override put(collection: string, key: string, value: Uint8Array): void {
    this.collections.add(collection);
    super.put(collection, key, value);
  }
}

Deno.test("forgetNetwork() leaves nothing of a network but what is of the host, and another one can be made", () => {
  const { options, random, clock } = setUp(21);
  const store = new WatchedStore();
  const leader = MeshState.create(store, { ...options, name: "a", cidr });
  const token = newToken(leader);
  ask(leader, new MemoryStateStore(), token, clock);
  const { network, identity, tokens, admission } = leader;
  const waiting = tokens?.create({
    networkId: network.id,
    leaderPublicKey: identity.publicKey,
    endpoints: [],
    cidr,
    lifetimeMs: 60_000,
    needsApproval: true,
  }) ?? assert.fail();
  const { publicKey, signingKey: { verifyingKey } } = MeshState.prepareJoin(new MemoryStateStore(), random);
  const machine = { name: "w", publicKey, verifyingKey, tokenId: waiting.tokenId, secret: waiting.secret };
  assert.equal(admission?.admit({ ...machine, remotePublicKey: publicKey }), "pending");
  leader.leadership.promotions.offer(leader.record);
  leader.prepareRotation({ endpoints: [], channelEndpoints: [], labels: {} });
  for (const former of ["", "-former"]) {
    for (const kind of ["head", "document"]) store.put(`policy${former}-${kind}`, "x", Uint8Array.of(1));
  }
  store.put("policy-declared", "revision", Uint8Array.of(1));
  store.put("host-journal", "interface weft0", Uint8Array.of(1));
  leader.leaving = "asked";
  MeshState.finishLeaving(store, options);
  assert.notEqual(storedNetworkId(store), undefined, "nobody has revoked it");
  leader.leaving = "left";
  MeshState.finishLeaving(store, options);
  const left = [...store.collections].filter((collection) => store.entries(collection).length > 0);
  assert.deepEqual(left, ["host-journal"]);
  assert.notEqual(
    MeshState.create(store, { ...options, name: "a", cidr }).identity.id,
    leader.identity.id,
  );
});
