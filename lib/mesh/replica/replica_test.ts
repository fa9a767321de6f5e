import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryStateStore, StateError, VirtualClock } from "../../base/mod.ts";
import { MAX_NODE_ENTRIES, MAX_NODE_SPENT } from "./entry_bounds.ts";
import { Replica } from "./replica.ts";
import { NO_UPDATE } from "../records/replica_update.ts";
import { START, stated, TestNetwork } from "../testing/test_network.ts";

function setUp(seed: number) {
  const network = new TestNetwork(seed);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey } = network.identity;
  const open = (over = store) => new Replica(over, { networkId, verifyingKey, clock });
  return { network, clock, store, open, replica: open() };
}

/** What replicas agree on that were offered the same. */
function stateOf(replica: Replica): unknown {
  const { records, statements, entries } = replica.snapshot();
  const hex = (items: typeof records) => items.map(({ payload }) => payload.toHex()).sort();
  return {
    records: hex(records),
    statements: hex(statements),
    entries: hex(entries),
    members: replica.roster.members().map(({ record }) => record.name),
    digest: replica.versions.digest(START).toHex(),
  };
}

Deno.test("Replica comes to the same state in any order and with any repetition", () => {
  const { network, open } = setUp(8);
  const nodes = [network.node(), network.node(), network.node()];
  const records = nodes.flatMap((node, i) => [
    ...[1, 2, 2, 3].map((version, j) => network.signed(node, { version, name: `n${i}-${j}` })),
    ...i === 0 ? [network.signed(node, { version: 2, revoked: true })] : [],
  ]);
  const statements = nodes.flatMap((node) =>
    [1, 2, 2].map((version, j) => stated(node, version, `192.0.2.${j + 1}:1`))
  );
  const entries = nodes.flatMap((node) => [1, 2, 3].map((version) => network.entry(node, { version })));
  const whole = open(new MemoryStateStore());
  whole.merge({ records, statements, entries });
  whole.handleTimeout();
  const expected = stateOf(whole);
  const shuffled = <T>(items: readonly T[]) =>
    fc.tuple(
      fc.shuffledSubarray([...items], { minLength: items.length }),
      fc.array(fc.constantFrom(...items), { maxLength: 4 }),
    )
      .map(([all, again]) => [...again, ...all, ...again]);
  fc.assert(
    fc.property(shuffled(records), shuffled(statements), shuffled(entries), (some, stated, written) => {
      const store = new MemoryStateStore();
      const replica = open(store);
      for (const record of some) replica.roster.merge(record);
      for (const statement of stated) replica.roster.mergeStatement(statement);
      for (const entry of written) replica.entries.merge(entry);
      replica.handleTimeout();
      assert.deepEqual(stateOf(replica), expected);
      assert.deepEqual(stateOf(open(store)), expected, "after a restart");
    }),
    { numRuns: 25 },
  );
});

Deno.test("Replica.merge() of all snapshots makes replicas the same, whatever one origin has written too much", () => {
  const { network, open } = setUp(10);
  const node = network.node();
  // 181 keys, of which about as many are there as were taken back; of some there are two versions.
  const entries = Array.from(
    { length: 200 },
    (_, i) =>
      network.entry(node, { key: `k${(i * 83) % 181}`, version: 1 + (i * 89) % 263, isDeleted: i % 2 === 0 }),
  );
  const anyDeliveries = fc.array(fc.tuple(fc.nat(2), fc.nat(199)), { minLength: 220, maxLength: 260 });
  fc.assert(
    fc.property(anyDeliveries, (deliveries) => {
      const replicas = [0, 1, 2].map(() => {
        const replica = open(new MemoryStateStore());
        replica.roster.merge(network.signed(node));
        return replica;
      });
      for (const [to, which] of deliveries) {
        replicas[to]?.entries.merge(entries[which] ?? assert.fail());
      }
      let rounds = 0;
      for (let changes = 1; changes > 0; rounds++) {
        changes = 0;
        for (const from of replicas) {
          for (const to of replicas) changes += to.merge(from.snapshot()).changes.entries.length;
        }
        assert.ok(rounds < 10, "it comes to an end");
      }
      const [first, ...others] = replicas.map(stateOf);
      for (const other of others) assert.deepEqual(other, first);
      const there = replicas[0]?.entries.list("name").length ?? 0;
      assert.ok(
        there <= MAX_NODE_ENTRIES && (replicas[0]?.entries.signed().length ?? 0) - there <= MAX_NODE_SPENT,
      );
    }),
    { numRuns: 3, seed: 4, endOnFailure: true },
  );
});

Deno.test("Replica.merge() returns what is new, and changes nothing when it fails", () => {
  const { network, replica, store, open } = setUp(9);
  const [a, b] = [network.node(), network.node()];
  replica.roster.merge(network.signed(a));
  const update = {
    records: [network.signed(a), network.signed(b)],
    statements: [stated(b, 1, "192.0.2.1:1")],
    entries: [],
  };
  const put = store.put.bind(store);
  store.put = (collection, key, value) => {
    if (collection === "statement") throw new StateError("the disk is full");
    put(collection, key, value);
  };
  assert.throws(() => replica.merge(update), StateError);
  assert.deepEqual(stateOf(replica), stateOf(open()));
  assert.equal(replica.roster.members().length, 1);
  store.put = put;
  const { changes, rejected } = replica.merge(update);
  assert.deepEqual([changes.records.length, changes.statements.length, rejected], [1, 1, 0]);
});

Deno.test("Replica.merge() looks no further than the first false signature", () => {
  const { network, replica } = setUp(31);
  const stranger = new TestNetwork(32);
  const [a, b, c] = [network.node(), network.node(), network.node()];
  const forged = { ...network.signed(b), signature: stranger.signed(b).signature };
  const update = { ...NO_UPDATE, records: [network.signed(a), forged, network.signed(c)] };
  const { changes, rejected, isForged } = replica.merge(update);
  assert.deepEqual([changes.records.length, rejected, isForged], [1, 1, true]);
  const falsely = { ...stated(a, 1, "192.0.2.1:1"), signature: forged.signature };
  const statements = [falsely, stated(a, 2, "192.0.2.2:1")];
  assert.equal(replica.merge({ ...NO_UPDATE, statements }).isForged, true);
  assert.equal(replica.roster.get(a.id)?.statement, undefined);
});

Deno.test("Replica.merge() goes on after what it refuses for another reason than the signature", () => {
  const { network, replica } = setUp(33);
  const [gone, here, unknown] = [network.node(), network.node(), network.node()];
  replica.roster.merge(network.signed(gone, { revoked: true, version: 2 }));
  const { changes, rejected, isForged } = replica.merge({
    records: [network.signed(gone), network.signed(here)],
    statements: [stated(unknown, 1, "192.0.2.1:1"), stated(here, 1, "192.0.2.2:1")],
    entries: [],
  });
  assert.deepEqual([changes.records.length, changes.statements.length, rejected, isForged], [1, 1, 2, false]);
});

Deno.test("Replica.deliverEvents() hands out entries, then members, and what a subscriber publishes after that", () => {
  const { network, replica } = setUp(13);
  const [first, second] = [network.node(), network.node()];
  const log: string[] = [];
  const end = replica.subscribe({
    handleOwnUpdate: ({ records }) => void log.push(`update ${records.length}`),
    handleEntryEvent: ({ key }) => void log.push(`entry ${key}`),
    handleRosterEvent: ({ kind }) => {
      log.push(kind);
      if (log.length > 4) return;
      const signed = network.signed(second);
      replica.roster.merge(signed);
      replica.publish({ ...NO_UPDATE, records: [signed] });
      log.push("published");
    },
    handleMembersChange: () => void log.push("members"),
  });
  replica.merge({ ...NO_UPDATE, records: [network.signed(first)], entries: [network.entry(first)] });
  assert.deepEqual(log, [], "not before they are delivered");
  replica.deliverEvents();
  assert.deepEqual(log, ["entry web", "member-added", "update 1", "published", "member-added", "members"]);
  replica.merge({ ...NO_UPDATE, statements: [stated(first, 1, "192.0.2.1:1")] });
  replica.deliverEvents();
  assert.deepEqual(log.slice(6), ["endpoints-changed"]);
  end();
  replica.publish({ ...NO_UPDATE, records: [network.signed(first)] });
  assert.equal(log.length, 7);
});

Deno.test("Replica.deliverEvents() goes on after a subscriber that throws", () => {
  const { network, replica } = setUp(14);
  let followed = 0;
  replica.subscribe({
    handleMembersChange: () => {
      if (++followed === 1) throw new Error("the disk is full");
    },
  });
  replica.merge({ ...NO_UPDATE, records: [network.signed(network.node())] });
  assert.throws(() => replica.deliverEvents(), /disk/);
  replica.merge({ ...NO_UPDATE, records: [network.signed(network.node())] });
  replica.deliverEvents();
  assert.equal(followed, 2);
});

Deno.test("Replica.merge() of what is here already looks no further, and writes nothing", () => {
  const { network, store, replica } = setUp(21);
  const node = network.node();
  const record = network.signed(node);
  const statement = stated(node, 1, "192.0.2.1:1");
  const entry = network.entry(node, {});
  const updates = [
    { ...NO_UPDATE, records: [record] },
    { ...NO_UPDATE, statements: [statement] },
    { ...NO_UPDATE, entries: [entry] },
    { records: [record], statements: [statement], entries: [entry] },
  ];
  for (const update of updates) replica.merge(update);
  const before = stateOf(replica);
  let transactions = 0;
  const transaction = store.transaction.bind(store);
  store.transaction = (body) => {
    transactions++;
    return transaction(body);
  };
  const copy = ({ payload, signature }: typeof record) => ({ payload: payload.slice(), signature });
  for (const update of updates) {
    const again = {
      records: update.records.map(copy),
      statements: update.statements.map(copy),
      entries: update.entries.map(copy),
    };
    assert.deepEqual(replica.merge(again), { changes: NO_UPDATE, rejected: 0, isForged: false });
  }
  assert.equal(transactions, 0);
  // Beside what is new it is as it was.
  const { changes } = replica.merge({ ...NO_UPDATE, records: [record], statements: [stated(node, 2)] });
  assert.deepEqual([changes.records.length, changes.statements.length, transactions > 0], [0, 1, true]);
  const forged = { ...stated(network.node(), 3), payload: stated(node, 3, "192.0.2.9:9").payload };
  assert.equal(replica.merge({ ...NO_UPDATE, statements: [forged] }).isForged, true);
  replica.merge({ ...NO_UPDATE, statements: [statement] });
  assert.equal(replica.refusals.get("replayed"), 1);
  assert.notDeepEqual(stateOf(replica), before);
});

Deno.test("Replica.merge() takes 256 statements of a node at once, and counts none twice that it has", () => {
  const { network, replica } = setUp(22);
  const node = network.node();
  replica.roster.merge(network.signed(node));
  let taken = 0;
  for (let version = 1; version <= 300; version++) {
    const update = { ...NO_UPDATE, statements: [stated(node, version)] };
    taken += replica.merge(update).changes.statements.length;
    replica.merge(update);
  }
  assert.ok(taken >= 256 && taken <= 257, `${taken}`);
  assert.equal(replica.refusals.get("throttled"), 2 * (300 - taken));
});
