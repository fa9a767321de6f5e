import assert from "node:assert/strict";
import { MemoryStateStore, StateError, unixMillis, VirtualClock } from "../../base/mod.ts";
import type { EntryBook } from "./entry_book.ts";
import {
  MAX_NODE_ENTRIES,
  MAX_NODE_ENTRY_BYTES,
  MAX_NODE_SPENT,
  MAX_NODE_SPENT_BYTES,
} from "./entry_bounds.ts";
import { NO_UPDATE, updateSize } from "../records/replica_update.ts";
import { Replica } from "./replica.ts";
import { signEntry, type StateEntry } from "../records/state_entry.ts";
import { START, stated, TestNetwork } from "../testing/test_network.ts";

const DAY_MS = 86_400_000;

function setUp(seed: number) {
  const network = new TestNetwork(seed);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey } = network.identity;
  const open = (over = store) => new Replica(over, { networkId, verifyingKey, clock });
  const replica = open();
  const node = network.node();
  replica.roster.merge(network.signed(node, { expiresAt: unixMillis(START + 400 * DAY_MS) }));
  return { network, clock, store, open, replica, node, book: replica.entries };
}

function keys(book: EntryBook, kind = "name"): string[] {
  return book.list(kind).map(({ key }) => key);
}

Deno.test("EntryBook.merge() takes what its origin signed, and refuses the rest by reason", () => {
  const { network, replica, node, book } = setUp(1);
  const other = network.node();
  replica.roster.merge(network.signed(other));
  const entry = (fields: Partial<StateEntry> = {}) => network.entry(node, fields);
  const stranger = new TestNetwork(2);
  const cases: readonly (readonly [string, ReturnType<typeof entry>])[] = [
    ["added", entry({ version: 5 })],
    ["unchanged", entry({ version: 5 })],
    ["rejected:replayed", entry({ version: 4 })],
    ["updated", entry({ version: 6 })],
    ["rejected:unknown-node", network.entry(network.node())],
    ["rejected:network", stranger.entry(node)],
    // A member that writes in another one's name.
    ["rejected:signature", network.entry(other, { origin: node.id, version: 9 })],
    ["rejected:signature", network.entry(node, { origin: network.identity.id })],
    ["rejected:authority", entry({ kind: "policy" })],
    ["rejected:authority", entry({ kind: "route" })],
    ["rejected:expired", entry({ key: "late", issuedAt: unixMillis(START - 2), expiresAt: START })],
    ["rejected:future", entry({ key: "early", issuedAt: unixMillis(START + 3_600_000) })],
    ["rejected:malformed", { payload: Uint8Array.of(255), signature: new Uint8Array(64) }],
  ];
  for (const [expected, signed] of cases) assert.equal(book.merge(signed), expected);
  const policy = network.entryFields(node, { kind: "policy", origin: network.identity.id });
  assert.equal(book.merge(signEntry(policy, network.identity.signingKey)), "added");
  assert.deepEqual([keys(book), keys(book, "policy")], [["web"], ["web"]]);
});

Deno.test("EntryBook keeps the same entries of an origin that writes too many, in whatever order they come", () => {
  const { network, node, open } = setUp(3);
  const all = Array.from(
    { length: MAX_NODE_ENTRIES + 10 },
    (_, i) => network.entry(node, { key: `k${i + 100}` }),
  );
  const kept = [all, all.toReversed()].map((order) => {
    const replica = open(new MemoryStateStore());
    replica.roster.merge(network.signed(node));
    const outcomes = order.map((signed) => replica.entries.merge(signed));
    return { keys: keys(replica.entries), outcomes, digest: replica.versions.digest(START).toHex() };
  });
  assert.deepEqual(kept[0]?.keys, kept[1]?.keys);
  assert.equal(kept[0]?.digest, kept[1]?.digest);
  assert.deepEqual(kept[0]?.keys, all.slice(0, MAX_NODE_ENTRIES).map((_, i) => `k${i + 100}`));
  assert.equal(kept[0]?.outcomes.at(-1), "rejected:full");
});

Deno.test("EntryBook.write() throws when there are too many, and pushes nothing out", () => {
  const { node, book } = setUp(7);
  const write = (key: string, body: Uint8Array | undefined = Uint8Array.of(1)) =>
    book.write(node.id, node.signingKey, { kind: "name", key, body });
  const full = Array.from({ length: MAX_NODE_ENTRIES }, (_, i) => `k${i + 100}`);
  for (const key of full) assert.ok(write(key));
  // Of a name that comes first as well as of one that comes last.
  for (const key of ["a", "z"]) assert.throws(() => write(key), RangeError);
  assert.deepEqual(keys(book), full);
  assert.ok(write("k100", Uint8Array.of(2)), "a change is none too many");
  for (let i = 0; i < MAX_NODE_SPENT + 5; i++) {
    assert.ok(book.write(node.id, node.signingKey, { kind: "name", key: "k100", body: undefined }));
    assert.ok(write(`a${i}`), "what was taken back does not count");
    assert.ok(book.write(node.id, node.signingKey, { kind: "name", key: `a${i}`, body: undefined }));
    assert.ok(write("k100"));
  }
  assert.deepEqual(keys(book), full);
  // One that was taken back is there again.
  assert.equal(book.signed().length, MAX_NODE_ENTRIES + MAX_NODE_SPENT - 1);
});

Deno.test("EntryBook keeps of what was taken back what was last, in whatever order it comes", () => {
  const { network, node, open } = setUp(8);
  const spent = Array.from(
    { length: MAX_NODE_SPENT + 20 },
    (_, i) => network.entry(node, { key: `k${(i * 37) % 500}`, version: 100 + i, isDeleted: true }),
  );
  const there = Array.from(
    { length: MAX_NODE_ENTRIES },
    (_, i) => network.entry(node, { key: `there-${i}` }),
  );
  const orders = [[...spent, ...there], [...there, ...spent.toReversed()]];
  const [one, other] = orders.map((order) => {
    const store = new MemoryStateStore();
    const replica = open(store);
    replica.roster.merge(network.signed(node));
    for (const signed of order) replica.entries.merge(signed);
    const digest = replica.versions.digest(START).toHex();
    assert.equal(keys(replica.entries).length, MAX_NODE_ENTRIES);
    assert.equal(open(store).versions.digest(START).toHex(), digest, "after a restart");
    // The last ones still stand against what they took back.
    const [first, last] = [spent[0], spent.at(-1)].map((signed) => signed ?? assert.fail());
    assert.equal(replica.entries.merge(first ?? assert.fail()), "rejected:full");
    assert.equal(replica.entries.merge(last ?? assert.fail()), "unchanged");
    return digest;
  });
  assert.equal(one, other);
});

Deno.test("EntryBook forgets an entry that is taken back when there is no room to remember that", () => {
  const { network, node, book } = setUp(9);
  for (let i = 0; i < MAX_NODE_SPENT; i++) {
    book.merge(network.entry(node, { key: `k${i}`, version: 100 + i, isDeleted: true }));
  }
  book.merge(network.entry(node, { key: "old", version: 1 }));
  assert.deepEqual(keys(book), ["old"]);
  assert.equal(book.merge(network.entry(node, { key: "old", version: 2, isDeleted: true })), "updated");
  assert.deepEqual(keys(book), []);
  assert.equal(book.signed().length, MAX_NODE_SPENT);
});

Deno.test("EntryBook.write() signs what differs or is due, and takes back for good", () => {
  const { network, node, book, clock, open } = setUp(4);
  const write = (body: Uint8Array | undefined, lifetimeMs?: number) =>
    book.write(node.id, node.signingKey, { kind: "name", key: "db", body, ...lifetimeMs && { lifetimeMs } });
  const body = Uint8Array.of(1);
  const first = write(body, 30 * DAY_MS) ?? assert.fail();
  assert.equal(write(body, 30 * DAY_MS), undefined, "nothing differs");
  clock.advance(21 * DAY_MS);
  assert.ok(write(body, 30 * DAY_MS), "it is due");
  const last = write(Uint8Array.of(2), 30 * DAY_MS) ?? assert.fail();
  assert.deepEqual(book.get("name", node.id, "db")?.body, Uint8Array.of(2));
  assert.ok(write(undefined));
  assert.equal(write(undefined), undefined);
  assert.equal(book.get("name", node.id, "db"), undefined);
  assert.equal(book.merge(last), "rejected:replayed");
  assert.equal(book.merge(first), "rejected:replayed");
  assert.deepEqual(keys(open().entries), []);
  // Its place is not forgotten before whatever it has taken back has expired.
  clock.advance(29 * DAY_MS);
  book.handleTimeout();
  assert.equal(book.merge(last), "rejected:replayed");
  clock.advance(92 * DAY_MS);
  book.handleTimeout();
  assert.equal(book.merge(last), "rejected:expired");
  assert.equal(book.signed().length, 0);
  assert.throws(
    () => book.write(node.id, network.node().signingKey, { kind: "name", key: "x", body }),
    RangeError,
  );
});

Deno.test("EntryBook lets what a node has written go with it, and expire", () => {
  const { network, replica, node, book, clock, store, open } = setUp(5);
  book.merge(network.entry(node, { expiresAt: unixMillis(START + 1000) }));
  book.merge(network.entry(node, { key: "other" }));
  const events: string[] = [];
  const read = () => {
    for (let event = book.pollEvent(); event; event = book.pollEvent()) events.push(event.key);
  };
  read();
  assert.deepEqual(events.splice(0), ["web", "other"]);
  clock.advance(1000);
  assert.deepEqual(keys(book), ["other"]);
  replica.roster.merge(network.signed(node, { version: 2, revoked: true }));
  assert.deepEqual(keys(book), [], "at once");
  assert.equal(book.merge(network.entry(node, { version: 2 })), "rejected:revoked");
  replica.handleTimeout();
  read();
  assert.deepEqual(events, ["web", "other"]);
  assert.equal(store.entries("entry").length, 0);
  assert.equal(open().entries.signed().length, 0);
});

Deno.test("EntryBook resumes what was stored, and refuses what is damaged", () => {
  const { network, node, book, store, open } = setUp(6);
  book.merge(network.entry(node));
  assert.deepEqual(keys(open().entries), ["web"]);
  const [[key] = [assert.fail()]] = store.entries("entry");
  store.put("entry", key, Uint8Array.of(9));
  assert.throws(open, StateError);
});

Deno.test("EntryBook bounds the bytes of one origin, and keeps the same ones in whatever order they come", () => {
  const { network, node, open } = setUp(31);
  const body = new Uint8Array(3_000);
  const long = "k".repeat(250);
  const all = Array.from(
    { length: 200 },
    (_, i) => network.entry(node, { key: `${long}${i + 100}`, body, version: 1 + i % 3 }),
  );
  const spent = Array.from(
    { length: 200 },
    (_, i) =>
      network.entry(node, {
        key: `${long}${i + 500}`,
        isDeleted: true,
        body: new Uint8Array(0),
        version: i + 1,
      }),
  );
  const kept = [[...all, ...spent], [...spent, ...all].toReversed()].map((order) => {
    const replica = open(new MemoryStateStore());
    replica.roster.merge(network.signed(node));
    for (const signed of order) replica.entries.merge(signed);
    return replica.entries.signed().map(({ payload }) => payload.toHex()).sort();
  });
  assert.deepEqual(kept[0], kept[1]);
  const bytes = (kept[0] ?? []).reduce((sum, payload) => sum + payload.length / 2, 0);
  assert.ok(bytes <= MAX_NODE_ENTRY_BYTES + MAX_NODE_SPENT_BYTES && bytes > 200_000, `${bytes}`);
});

Deno.test("EntryBook.merge() with a budget takes so much of an origin in a second, and charges nobody else for it", () => {
  const { network, clock, replica, node } = setUp(32);
  const other = network.node();
  replica.roster.merge(network.signed(other));
  const merge = (from: typeof node, version: number) => {
    const update = { ...NO_UPDATE, entries: [network.entry(from, { version })] };
    return updateSize(replica.merge(update).changes);
  };
  let taken = 0;
  for (let version = 1; version <= 2_000; version++) taken += merge(node, version);
  assert.ok(taken >= 256 && taken <= 258, `${taken}`);
  assert.equal(replica.refusals.get("throttled"), 2_000 - taken);
  assert.equal(merge(other, 1), 1);
  clock.advance(1_000);
  let later = 0;
  for (let version = 3_000; version <= 3_100; version++) later += merge(node, version);
  assert.ok(later >= 15 && later <= 17, `${later}`);
  // Statements are changes too.
  assert.deepEqual(
    replica.merge({ ...NO_UPDATE, statements: [stated(node, 1, "192.0.2.1:1")] }).changes.statements,
    [],
  );
});

Deno.test("EntryBook.merge() charges an origin nothing for what another one signs in its name", () => {
  const { network, replica, node } = setUp(33);
  const mallory = network.node();
  replica.roster.merge(network.signed(mallory));
  for (let version = 1; version <= 1_000; version++) {
    const forged = network.entry(mallory, { origin: node.id, version });
    assert.equal(replica.merge({ ...NO_UPDATE, entries: [forged] }).isForged, true);
  }
  assert.equal(updateSize(replica.merge({ ...NO_UPDATE, entries: [network.entry(node)] }).changes), 1);
});
