import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { Roster } from "../replica/roster.ts";
import { START, stated, TestNetwork } from "../testing/test_network.ts";
import { ARRIVAL_MS, ArrivalCare } from "./arrival_care.ts";

const LOOK_MS = 10_000;

function setUp() {
  const network = new TestNetwork(44);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey } = network.identity;
  const roster = new Roster(store, { networkId, verifyingKey, clock });
  const add = (fields = {}) => {
    const node = network.node();
    roster.merge(network.signed(node, fields));
    roster.mergeStatement(stated(node, 5));
    return { node, record: roster.recordById(node.id) ?? assert.fail() };
  };
  return { clock, store, roster, add, open: () => new ArrivalCare(store, { clock, roster }) };
}

/** @returns who was due at the end */
function pass(care: ArrivalCare, clock: VirtualClock, ms: number, isHere = (_: string) => false): string[] {
  let due: string[] = [];
  for (let passed = 0; passed < ms; passed += LOOK_MS) {
    clock.advance(LOOK_MS);
    due = care.look(isHere).map(({ nodeId }) => nodeId);
  }
  return due;
}

Deno.test("ArrivalCare finds who was let in and not seen for an hour, and nobody else", () => {
  const { clock, open, add, roster } = setUp();
  const care = open();
  const [lost, seen, heard, renewed] = [add(), add(), add(), add({ version: 2 })];
  const other = add();
  for (const { record } of [lost, seen, heard, renewed]) care.expect(record);
  care.look(() => false);
  pass(care, clock, 600_000, (nodeId) => nodeId === seen.node.id);
  // Somebody else has a link to it.
  roster.mergeStatement(stated(heard.node, 6));
  assert.deepEqual(pass(care, clock, ARRIVAL_MS - 600_000 - LOOK_MS), []);
  assert.deepEqual(pass(care, clock, LOOK_MS), [lost.node.id]);
  assert.deepEqual(pass(care, clock, 10 * ARRIVAL_MS), [lost.node.id], "until it is removed");
  assert(roster.get(other.node.id));
});

Deno.test("ArrivalCare counts no time in which its leader did not run, and forgets little over a restart", () => {
  const { clock, open, add, store } = setUp();
  const first = open();
  const { node, record } = add();
  first.expect(record);
  first.look(() => false);
  pass(first, clock, ARRIVAL_MS / 2);
  clock.advance(5 * ARRIVAL_MS);
  const second = open();
  assert.deepEqual(second.look(() => false), []);
  clock.advance(5 * ARRIVAL_MS);
  assert.deepEqual(second.look(() => false), [], "a process that stood still");
  assert.deepEqual(pass(second, clock, ARRIVAL_MS * 0.4), []);
  assert.deepEqual(pass(second, clock, ARRIVAL_MS / 4), [node.id]);
  second.look(() => true);
  assert.equal(store.entries("expected").length, 0);
  second.expect({ ...record, version: 2 });
  assert.equal(store.entries("expected").length, 0, "one that was a member already");
});

Deno.test("ArrivalCare expects a bounded number of machines", () => {
  const { open, add, store } = setUp();
  const care = open();
  const { record } = add();
  for (let i = 0; i < 5_000; i++) {
    care.expect({ ...record, nodeId: `${i}`.padStart(32, "0") as typeof record.nodeId });
  }
  assert.equal(store.entries("expected").length, 4_096);
});
