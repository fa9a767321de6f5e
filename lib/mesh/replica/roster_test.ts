import assert from "node:assert/strict";
import { MemoryStateStore, StateError, unixMillis, VirtualClock } from "../../base/mod.ts";
import { nodeIdOf } from "../identity/identity.ts";
import { keyTagOf } from "../records/key_chain.ts";
import { signRecord } from "../records/member_record.ts";
import { Roster } from "./roster.ts";
import { address, START, stated, TestNetwork } from "../testing/test_network.ts";

function setUp(seed: number) {
  const network = new TestNetwork(seed);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey } = network.identity;
  const open = (over = store) => new Roster(over, { networkId, verifyingKey, clock });
  return { network, clock, store, open, roster: open() };
}

function eventsOf(roster: Roster): string[] {
  const kinds: string[] = [];
  for (let event = roster.pollEvent(); event; event = roster.pollEvent()) kinds.push(event.kind);
  return kinds;
}

Deno.test("Roster.merge() takes the higher version and returns what came of it", () => {
  const { network, roster } = setUp(1);
  const node = network.node();
  assert.equal(roster.merge(network.signed(node)), "added");
  assert.equal(roster.merge(network.signed(node)), "unchanged");
  assert.equal(roster.merge(network.signed(node, { version: 3, name: "web" })), "updated");
  assert.equal(roster.merge(network.signed(node, { version: 2, name: "old" })), "rejected:replayed");
  assert.equal(roster.byName("web")?.record.nodeId, node.id);
  assert.equal(roster.byName("old"), undefined);
  assert.deepEqual(eventsOf(roster), ["member-added"]);
});

Deno.test("Roster.merge() rejects what is not the network's", () => {
  const { network, roster } = setUp(2);
  const stranger = new TestNetwork(3);
  const node = network.node();
  assert.equal(roster.merge(stranger.signed(node)), "rejected:network");
  const forged = stranger.signed(node, { networkId: network.identity.id });
  assert.equal(roster.merge(forged), "rejected:signature");
  assert.equal(roster.merge({ ...forged, payload: forged.payload.slice(3) }), "rejected:malformed");
  assert.equal(roster.members().length, 0);
});

Deno.test("Roster loads what the former release has stored under a reserved name, and lets nobody be found by it", () => {
  const { network, roster, open } = setUp(31);
  const node = network.node();
  assert.equal(roster.merge(network.former(node, "leader")), "added");
  for (const each of [roster, open()]) {
    assert.equal(each.get(node.id)?.record.name, "leader");
    assert.equal(each.byAddress(address("10.200.0.2"))?.record.nodeId, node.id);
    assert.deepEqual([each.byName("leader"), each.holderOfName("leader")], [undefined, undefined]);
  }
});

Deno.test("Roster.merge() keeps a revoked key out for ever, whatever version comes later", () => {
  const { network, roster, open } = setUp(4);
  const node = network.node();
  roster.merge(network.signed(node, { version: 7 }));
  roster.mergeStatement(stated(node, 1, "192.0.2.1:1"));
  eventsOf(roster);
  assert.equal(roster.merge(network.signed(node, { version: 1, revoked: true })), "updated");
  assert.deepEqual(eventsOf(roster), ["member-removed"]);
  assert.equal(roster.merge(network.signed(node, { version: 99 })), "rejected:revoked");
  assert.equal(roster.mergeStatement(stated(node, 2, "192.0.2.2:1")), "rejected:revoked");
  // The same key under another id is the same key.
  const { verifyingKey: _, ...device } = network.record(node, {
    nodeId: nodeIdOf(node.publicKey),
    roles: ["wireguard"],
    version: 100,
  });
  const asDevice = signRecord(device, network.identity.signingKey);
  assert.equal(roster.merge(asDevice), "rejected:revoked");
  for (const each of [roster, open()]) {
    assert.ok(each.isRevoked(node.publicKey));
    assert.equal(each.get(node.id), undefined);
    assert.equal(each.signed().records.length, 1, "others must get it");
    assert.equal(each.signed().statements.length, 0);
  }
});

Deno.test("Roster.merge() lets a key go whose member has gone on twice, though nobody said so of that key", () => {
  const { network, roster, store } = setUp(13);
  const [first, second, third] = [network.node(), network.node(), network.node()];
  const chain = {
    root: keyTagOf(first.publicKey),
    generation: 2,
    formerKeys: [keyTagOf(first.publicKey), keyTagOf(second.publicKey)],
    formerVersions: [1, 1],
    rotationsSpentUntil: START,
  };
  roster.merge(network.signed(first, { name: "web" }));
  roster.mergeStatement(stated(first, 1, "192.0.2.1:1"));
  eventsOf(roster);
  assert.equal(roster.merge(network.signed(third, { name: "web", chain })), "added");
  assert.deepEqual(eventsOf(roster).sort(), ["member-added", "member-removed"]);
  assert.deepEqual(roster.members().map(({ record }) => record.nodeId), [third.id]);
  assert.equal(store.entries("record").length + store.entries("statement").length, 1);
  assert.deepEqual([...roster.takeEnded()], [first.id]);
  for (const node of [first, second]) {
    assert.ok(roster.isRevoked(node.publicKey));
    assert.equal(roster.merge(network.signed(first, { version: 9 })), "rejected:replayed");
  }
  // The direct predecessor is kept, so that it can be told of its successor.
  assert.equal(
    roster.merge(network.signed(second, { version: 2, revoked: true, successor: third.id })),
    "added",
  );
  assert.equal(roster.byName("web")?.record.nodeId, third.id);
});

Deno.test("Roster.mergeStatement() takes statements of known members only, signed by themselves", () => {
  const { network, roster } = setUp(5);
  const [node, other] = [network.node(), network.node()];
  assert.equal(roster.mergeStatement(stated(node, 1, "192.0.2.1:1")), "rejected:unknown-node");
  roster.merge(network.signed(node));
  eventsOf(roster);
  const forged = { ...stated(node, 1, "192.0.2.1:1"), signature: stated(other, 1).signature };
  assert.equal(roster.mergeStatement(forged), "rejected:signature");
  assert.equal(roster.mergeStatement(stated(node, 2, "192.0.2.1:1")), "added");
  assert.equal(roster.mergeStatement(stated(node, 1, "192.0.2.9:1")), "rejected:replayed");
  assert.deepEqual(eventsOf(roster), ["endpoints-changed"]);
  assert.equal(roster.mergeStatement(stated(node, 3, "192.0.2.1:1")), "updated");
  assert.deepEqual(eventsOf(roster), ["stated-again"], "the endpoints are the same");
  assert.equal(roster.get(node.id)?.statement?.version, 3);
});

Deno.test("Roster.handleTimeout() lets expired members go, and a new record brings them back", () => {
  const { network, roster, clock } = setUp(7);
  const node = network.node();
  roster.merge(network.signed(node, { expiresAt: unixMillis(START + 1000) }));
  roster.handleTimeout();
  assert.deepEqual(eventsOf(roster), ["member-added"]);
  clock.advance(1000);
  assert.equal(roster.byPublicKey(node.publicKey), undefined);
  roster.handleTimeout();
  roster.handleTimeout();
  assert.deepEqual(eventsOf(roster), ["member-removed"]);
  roster.merge(network.signed(node, { version: 2 }));
  assert.deepEqual(eventsOf(roster), ["member-added"]);
});

Deno.test("Roster rejects damaged state", () => {
  const { network, roster, store, open } = setUp(10);
  roster.merge(network.signed(network.node()));
  const [key] = store.entries("record")[0] ?? assert.fail();
  store.put("record", key, Uint8Array.of(1, 2, 3));
  assert.throws(open, StateError);
});

Deno.test("Roster.handleTimeout() brings members back when a wrong clock is set right", () => {
  const network = new TestNetwork(34);
  const { id: networkId, verifyingKey } = network.identity;
  let wall = START;
  const clock = { now: () => new VirtualClock().now(), wall: () => wall };
  const roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock });
  roster.merge(network.signed(network.node()));
  assert.deepEqual(eventsOf(roster), ["member-added"]);
  wall = unixMillis(START + 20 * 365 * 86_400_000);
  roster.handleTimeout();
  assert.deepEqual(eventsOf(roster), ["member-removed"]);
  wall = START;
  roster.handleTimeout();
  assert.deepEqual(eventsOf(roster), ["member-added"]);
  assert.equal(roster.members().length, 1);
});

Deno.test("Roster.merge() refuses what has expired and what comes from the future, but never a revocation", () => {
  const { network, roster } = setUp(11);
  const node = network.node();
  const minutes = (count: number) => unixMillis(START + count * 60_000);
  assert.equal(roster.merge(network.signed(node, { expiresAt: START })), "rejected:expired");
  assert.equal(roster.merge(network.signed(node, { issuedAt: minutes(11) })), "rejected:future");
  assert.equal(roster.merge(network.signed(node, { issuedAt: minutes(9) })), "added");
  assert.equal(roster.mergeStatement(stated(node, { version: 2, issuedAt: minutes(60) })), "rejected:future");
  const late = { revoked: true, version: 2, expiresAt: START, issuedAt: minutes(60) };
  assert.equal(roster.merge(network.signed(node, late)), "updated");
});
