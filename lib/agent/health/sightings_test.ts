import assert from "node:assert/strict";
import { MemoryStateStore, silentLogger, VirtualClock } from "../../base/mod.ts";
import { Roster } from "../../mesh/mod.ts";
import { START, stated, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Sightings } from "./sightings.ts";

function setUp() {
  const network = new TestNetwork(43);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey } = network.identity;
  const roster = new Roster(store, { networkId, verifyingKey, clock });
  const node = network.node();
  roster.merge(network.signed(node));
  const member = () => roster.get(node.id) ?? assert.fail();
  const open = () => new Sightings(store, { clock, roster, log: silentLogger });
  return { network, clock, store, roster, node, member, open };
}

Deno.test("Sightings knows when a member was last there, over a restart in order and after a crash", () => {
  const { clock, open, member } = setUp();
  const first = open();
  first.look(() => false);
  assert.equal(first.lastSeen(member()), undefined);
  first.look(() => true);
  clock.advance(600_000);
  first.look(() => true);
  const there = clock.wall();
  assert.equal(open().lastSeen(member()), there - 600_000, "a crash forgets an hour at most");
  first.flush();
  assert.equal(open().lastSeen(member()), there);
  clock.advance(50_000);
  first.look(() => false);
  assert.equal(first.lastSeen(member()), there);
  clock.advance(50_000);
  first.look(() => false);
  assert.equal(open().lastSeen(member()), there);
});

Deno.test("Sightings takes a member's own word for when it was there, but not for later than now", () => {
  const { clock, roster, node, member, open } = setUp();
  const sightings = open();
  sightings.look(() => true);
  clock.advance(3_600_000);
  roster.mergeStatement(stated(node, 1));
  assert.equal(sightings.lastSeen(member()), START);
  assert.equal(
    sightings.lastSeen({ ...member(), statement: { issuedAt: clock.wall() - 1 } as never }),
    clock.wall() - 1,
  );
  assert.equal(
    sightings.lastSeen({ ...member(), statement: { issuedAt: clock.wall() + 99 } as never }),
    clock.wall(),
  );
});

Deno.test("Sightings forgets who is no member", () => {
  const { store, clock, open, network } = setUp();
  const sightings = open();
  sightings.look(() => true);
  assert.equal(store.entries("seen").length, 1);
  const { id: networkId, verifyingKey } = network.identity;
  const empty = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock });
  new Sightings(store, { clock, roster: empty, log: silentLogger }).look(() => true);
  assert.equal(store.entries("seen").length, 0);
});

Deno.test("Sightings goes on where nothing can be written, and keeps all of it when there is room", () => {
  const { store, clock, roster, member, open } = setUp();
  const warnings: string[] = [];
  let isFull = true;
  const transaction = store.transaction.bind(store);
  store.transaction = (body) => {
    if (isFull) throw new Error("the disk is full");
    return transaction(body);
  };
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const sightings = new Sightings(store, { clock, roster, log });
  sightings.look(() => true);
  sightings.flush();
  assert.equal(sightings.lastSeen(member()), clock.wall());
  assert.equal(warnings.length, 2);
  isFull = false;
  clock.advance(10_000);
  sightings.look(() => true);
  assert.equal(open().lastSeen(member()), clock.wall());
});
