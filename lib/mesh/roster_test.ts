import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryStateStore, StateError, unixMillis, VirtualClock } from "../base/mod.ts";
import { networkIdOf, nodeIdOf } from "./identity.ts";
import { signRecord } from "./member_record.ts";
import { decodeMeshMessage } from "./mesh_message.ts";
import { Roster } from "./roster.ts";
import { MAX_UPDATE_BYTES, splitUpdate } from "./roster_update.ts";
import { address, START, stated, TestNetwork } from "./testing_test.ts";

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

/** What rosters that have heard the same agree on. */
function stateOf(roster: Roster): unknown {
  const { records, statements } = roster.snapshot();
  const hex = (items: typeof records) => items.map(({ payload }) => payload.toHex()).sort();
  return {
    records: hex(records),
    statements: hex(statements),
    members: roster.members().map(({ record }) => record.name),
  };
}

Deno.test("Roster.merge() takes the higher version and says what came of it", () => {
  const { network, roster } = setUp(1);
  const node = network.node();
  assert.equal(roster.merge(network.signed(node)), "added");
  assert.equal(roster.merge(network.signed(node)), "unchanged");
  assert.equal(roster.merge(network.signed(node, { version: 3, name: "web" })), "updated");
  assert.equal(roster.merge(network.signed(node, { version: 2, name: "old" })), "unchanged");
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

Deno.test("Roster: a revoked key is out for ever, whatever version comes later", () => {
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
    assert.equal(each.snapshot().records.length, 1, "others must hear of it");
    assert.equal(each.snapshot().statements.length, 0);
  }
});

Deno.test("Roster.mergeStatement() listens to known members only, in their own voice", () => {
  const { network, roster } = setUp(5);
  const [node, other] = [network.node(), network.node()];
  assert.equal(roster.mergeStatement(stated(node, 1, "192.0.2.1:1")), "rejected:unknown-node");
  roster.merge(network.signed(node));
  eventsOf(roster);
  const forged = { ...stated(node, 1, "192.0.2.1:1"), signature: stated(other, 1).signature };
  assert.equal(roster.mergeStatement(forged), "rejected:signature");
  assert.equal(roster.mergeStatement(stated(node, 2, "192.0.2.1:1")), "added");
  assert.equal(roster.mergeStatement(stated(node, 1, "192.0.2.9:1")), "unchanged");
  assert.deepEqual(eventsOf(roster), ["endpoints-changed"]);
  assert.equal(roster.mergeStatement(stated(node, 3, "192.0.2.1:1")), "updated");
  assert.deepEqual(eventsOf(roster), [], "the endpoints are the same");
  assert.equal(roster.get(node.id)?.statement?.version, 3);
});

Deno.test("Roster.find() knows names, ids, keys and addresses", () => {
  const { network, roster } = setUp(6);
  const node = network.node();
  roster.merge(network.signed(node, { name: "db", addresses: [address("10.200.0.7"), address("fd00::7")] }));
  for (const text of ["db", node.id, node.publicKey.toString(), "10.200.0.7", "fd00:0:0::7"]) {
    assert.equal(roster.find(text)?.record.nodeId, node.id, text);
  }
  for (const text of ["", "web", "10.200.0.8", "0".repeat(32), "x".repeat(1000)]) {
    assert.equal(roster.find(text), undefined, text);
  }
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

Deno.test("Roster comes to the same state in any order and with any repetition", () => {
  const { network, open } = setUp(8);
  const nodes = [network.node(), network.node(), network.node()];
  const records = nodes.flatMap((node, i) => [
    ...[1, 2, 2, 3].map((version, j) => network.signed(node, { version, name: `n${i}-${j}` })),
    ...i === 0 ? [network.signed(node, { version: 2, revoked: true })] : [],
  ]);
  const statements = nodes.flatMap((node) =>
    [1, 2, 2].map((version, j) => stated(node, version, `192.0.2.${j + 1}:1`))
  );
  const whole = open(new MemoryStateStore());
  whole.mergeUpdate({ records, statements });
  const expected = stateOf(whole);
  const shuffled = <T>(items: readonly T[]) =>
    fc.tuple(
      fc.shuffledSubarray([...items], { minLength: items.length }),
      fc.array(fc.constantFrom(...items), { maxLength: 4 }),
    )
      .map(([all, again]) => [...again, ...all, ...again]);
  fc.assert(
    fc.property(shuffled(records), shuffled(statements), (someRecords, someStatements) => {
      const store = new MemoryStateStore();
      const roster = open(store);
      for (const record of someRecords) roster.merge(record);
      for (const statement of someStatements) roster.mergeStatement(statement);
      assert.deepEqual(stateOf(roster), expected);
      assert.deepEqual(stateOf(open(store)), expected, "after a restart");
    }),
    { numRuns: 25 },
  );
});

Deno.test("Roster.mergeUpdate() tells what is news, and changes nothing when it fails", () => {
  const { network, roster, store, open } = setUp(9);
  const [a, b] = [network.node(), network.node()];
  roster.merge(network.signed(a));
  const update = {
    records: [network.signed(a), network.signed(b)],
    statements: [stated(b, 1, "192.0.2.1:1")],
  };
  const put = store.put.bind(store);
  store.put = (collection, key, value) => {
    if (collection === "statement") throw new StateError("the disk is full");
    put(collection, key, value);
  };
  assert.throws(() => roster.mergeUpdate(update), StateError);
  assert.deepEqual(stateOf(roster), stateOf(open()));
  assert.equal(roster.members().length, 1);
  store.put = put;
  const { news, rejected } = roster.mergeUpdate(update);
  assert.deepEqual([news.records.length, news.statements.length, rejected], [1, 1, 0]);
});

Deno.test("Roster refuses to start on damaged state", () => {
  const { network, roster, store, open } = setUp(10);
  roster.merge(network.signed(network.node()));
  const [key] = store.entries("record")[0] ?? assert.fail();
  store.put("record", key, Uint8Array.of(1, 2, 3));
  assert.throws(open, StateError);
});

Deno.test("splitUpdate() keeps every part within its bound, whole and in order", () => {
  const signed = (i: number) => ({
    payload: new Uint8Array(4000).fill(i),
    signature: new Uint8Array(64).fill(i),
  });
  const all = Array.from({ length: 100 }, (_, i) => signed(i));
  const parts = splitUpdate({ records: all, statements: all });
  assert.deepEqual(parts.flatMap(({ records }) => records), all);
  assert.deepEqual(parts.flatMap(({ statements }) => statements), all);
  const { network, roster } = setUp(12);
  roster.merge(network.signed(network.node()));
  assert.deepEqual(splitUpdate({ records: [], statements: [] }), []);
  const [message] = roster.rosterUpdates();
  assert.ok(message && message.length <= MAX_UPDATE_BYTES);
  assert.equal(decodeMeshMessage(message)?.kind, "roster-update");
  assert.equal(networkIdOf(network.identity.verifyingKey), network.identity.id);
});

Deno.test("Roster.mergeUpdate() looks no further than the first false signature", () => {
  const { network, roster } = setUp(31);
  const stranger = new TestNetwork(32);
  const [a, b, c] = [network.node(), network.node(), network.node()];
  const forged = { ...network.signed(b), signature: stranger.signed(b).signature };
  const update = { records: [network.signed(a), forged, network.signed(c)], statements: [] };
  const { news, rejected, isForged } = roster.mergeUpdate(update);
  assert.deepEqual([news.records.length, rejected, isForged], [1, 1, true]);
  const falsely = { ...stated(a, 1, "192.0.2.1:1"), signature: forged.signature };
  const statements = [falsely, stated(a, 2, "192.0.2.2:1")];
  assert.equal(roster.mergeUpdate({ records: [], statements }).isForged, true);
  assert.equal(roster.get(a.id)?.statement, undefined);
});

Deno.test("Roster.mergeUpdate() goes on after what is only unwelcome", () => {
  const { network, roster } = setUp(33);
  const [gone, here, unknown] = [network.node(), network.node(), network.node()];
  roster.merge(network.signed(gone, { revoked: true, version: 2 }));
  const { news, rejected, isForged } = roster.mergeUpdate({
    records: [network.signed(gone), network.signed(here)],
    statements: [stated(unknown, 1, "192.0.2.1:1"), stated(here, 1, "192.0.2.2:1")],
  });
  assert.deepEqual([news.records.length, news.statements.length, rejected, isForged], [1, 1, 2, false]);
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
