import assert from "node:assert/strict";
import { MemoryStateStore, type UnixMillis, unixMillis, utf8Bytes, VirtualClock } from "../../base/mod.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import {
  MARK_KEY,
  MARK_KIND,
  MAX_STANDSTILL_MS,
  NetworkClock,
  RESUMES_AFTER_MS,
  STANDS_AFTER_MS,
} from "./network_clock.ts";
import { Replica } from "./replica.ts";

const DAY_MS = 86_400_000;

function setUp(seed: number) {
  const network = new TestNetwork(seed);
  const clock = new VirtualClock(START);
  const { id: networkId, verifyingKey } = network.identity;
  const open = (store = new MemoryStateStore()) => new Replica(store, { networkId, verifyingKey, clock });
  /** The elected leader writes what is due, and these hear of it. */
  const mark = (leader: Replica, ...others: readonly Replica[]): void => {
    const body = leader.networkClock.nextMark();
    if (body === undefined) return;
    const entry = { kind: MARK_KIND, key: MARK_KEY, body };
    const signed = leader.entries.write(networkId, network.identity.signingKey, entry);
    for (const other of others) other.merge({ records: [], statements: [], entries: signed ? [signed] : [] });
  };
  const days = (count: number): UnixMillis => unixMillis(START + count * DAY_MS);
  const record = (name: string, expiresAt: UnixMillis, node = network.node()) => {
    return { node, signed: network.signed(node, { name, issuedAt: clock.wall(), expiresAt }) };
  };
  const add = (replica: Replica, ...records: readonly ReturnType<typeof record>[]) =>
    replica.merge({ records: records.map(({ signed }) => signed), statements: [], entries: [] });
  const names = (replica: Replica) => replica.roster.members().map(({ record }) => record.name).toSorted();
  return { network, clock, open, mark, days, record, add, names };
}

Deno.test("NetworkClock is the wall clock while a leader leaves its marks, and without any", () => {
  const { clock, open, mark, days } = setUp(1);
  const [leader, member] = [open(), open()];
  clock.advance(DAY_MS);
  assert.equal(member.networkClock.now(), days(1), "no leader has ever said anything");
  for (let day = 0; day < 100; day++) {
    mark(leader, member);
    assert.equal(leader.networkClock.nextMark(), undefined, "once a day");
    clock.advance(DAY_MS);
    assert.equal(member.networkClock.now(), clock.wall());
  }
});

Deno.test("members whose leaders are all gone stay members, whoever had gone before does not, and removals count", () => {
  const { clock, open, mark, days, record, add, names, network } = setUp(2);
  const [leader, store] = [open(), new MemoryStateStore()];
  const member = open(store);
  const [here, short, gone, removed] = [
    record("here", days(90)),
    record("ephemeral", days(5)),
    record("gone", days(2)),
    record("removed", days(90)),
  ] as const;
  for (const replica of [leader, member]) add(replica, here, short, gone, removed);
  mark(leader, member);
  clock.advance(200 * DAY_MS);
  member.handleTimeout();
  assert.equal(member.networkClock.now(), days(3));
  assert.deepEqual(names(member), ["ephemeral", "here", "removed"]);
  assert.deepEqual(names(open(store)), names(member), "after a restart");
  // A revocation is heard from whoever knows it, whatever the time is.
  add(member, { ...removed, signed: network.signed(removed.node, { version: 9, revoked: true }) });
  assert.deepEqual(names(member), ["ephemeral", "here"]);
  assert.equal(add(member, record("late", days(1))).rejected, 1, "what had expired before is not let in");
});

Deno.test("members have a month to be renewed once a leader is at work again", () => {
  const { clock, open, mark, days, record, add, names, network } = setUp(3);
  const [leader, member] = [open(), open()];
  const [renewed, away] = [record("renewed", days(90)), record("away", days(90))];
  for (const replica of [leader, member]) add(replica, renewed, away);
  mark(leader, member);
  clock.advance(200 * DAY_MS);
  for (let day = 0; day * DAY_MS < RESUMES_AFTER_MS; day++) {
    mark(leader, member);
    member.handleTimeout();
    assert.deepEqual(names(member), ["away", "renewed"], `day ${day}`);
    assert.equal(member.networkClock.now(), START + STANDS_AFTER_MS);
    clock.advance(DAY_MS);
  }
  const fields = { name: "renewed", version: 2, issuedAt: clock.wall(), expiresAt: days(300) };
  add(member, { ...renewed, signed: network.signed(renewed.node, fields) });
  mark(leader, member);
  assert.equal(member.networkClock.now(), clock.wall());
  assert.deepEqual(names(member), ["renewed"]);
});

Deno.test("NetworkClock stands still for a year at most: whoever isolates a node is not its peer for ever", () => {
  const { clock, open, mark, days, record, add, names } = setUp(4);
  const [leader, isolated] = [open(), open()];
  add(isolated, record("revoked-elsewhere", days(90)));
  mark(leader, isolated);
  clock.advance(90 * DAY_MS + MAX_STANDSTILL_MS - 1);
  assert.deepEqual(names(isolated), ["revoked-elsewhere"]);
  clock.advance(1);
  assert.deepEqual(names(isolated), []);
});

Deno.test("what is good for less than a month expires by the wall clock, also without a leader", () => {
  const { clock, open, mark, days, network } = setUp(5);
  const [leader, member] = [open(), open()];
  const node = network.node();
  member.merge({ records: [network.signed(node, { expiresAt: days(90) })], statements: [], entries: [] });
  const entries = [["short", days(1)], ["long", days(90)]] as const;
  for (const [key, expiresAt] of entries) member.entries.merge(network.entry(node, { key, expiresAt }));
  mark(leader, member);
  clock.advance(100 * DAY_MS);
  member.handleTimeout();
  assert.deepEqual(member.entries.list("name").map(({ key }) => key), ["long"]);
});

Deno.test("two replicas with the same mark compare alike, whenever they have heard of what", () => {
  const { clock, open, mark, days, record, add } = setUp(6);
  const [leader, member] = [open(), open()];
  const records = [record("a", days(90)), record("b", days(2))];
  mark(leader, member);
  add(leader, ...records);
  clock.advance(100 * DAY_MS);
  add(member, ...records);
  const digests = [leader, member].map(({ versions, networkClock }) =>
    versions.digest(clock.wall(), networkClock.now()).toHex()
  );
  assert.equal(digests[0], digests[1]);
});

Deno.test("NetworkClock takes no mark that it cannot read, and none of a member", () => {
  const { network } = setUp(7);
  const { id } = network.identity;
  const clock = new VirtualClock(START);
  for (const text of ["", "x", "1 2", "1 2 3 4", "-1", "9".repeat(16), "1  2 3", "1 2 3\n"]) {
    const read = new NetworkClock(clock, id);
    read.note(id, { body: utf8Bytes(text), isDeleted: false });
    assert.equal(read.lastMarkAt, undefined, JSON.stringify(text));
  }
  const read = new NetworkClock(clock, id);
  read.note(network.node().id, { body: utf8Bytes("1"), isDeleted: false });
  assert.equal(read.now(), START);
  read.note(id, { body: utf8Bytes(String(START - 10 * DAY_MS)), isDeleted: false });
  assert.equal(read.now(), START - 7 * DAY_MS);
});
