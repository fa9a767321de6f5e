import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { keyTagOf, VERSIONS_PER_GENERATION } from "../records/key_chain.ts";
import { type MemberRecord, signRecord } from "../records/member_record.ts";
import { Roster } from "../replica/roster.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import { EphemeralCare } from "./ephemeral_care.ts";

const AWAY_MS = 600_000;

function setUp() {
  const network = new TestNetwork(42);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey, signingKey } = network.identity;
  const roster = new Roster(store, { networkId, verifyingKey, clock });
  const [job, plain] = [network.node(), network.node()];
  for (const record of [network.record(job, { ephemeralMs: AWAY_MS }), network.record(plain)]) {
    roster.merge(signRecord(record, signingKey));
  }
  const open = () => new EphemeralCare(store, { clock, roster });
  const add = (ephemeralMs: number) =>
    roster.merge(signRecord(network.record(network.node(), { ephemeralMs }), signingKey));
  return { clock, store, job, open, add, network, roster };
}

/** Looks every ten seconds for so long. @returns whether anybody was due at the end */
function pass(care: EphemeralCare, clock: VirtualClock, ms: number, isHere = false): boolean {
  let due = 0;
  for (let waited = 0; waited < ms; waited += 10_000) {
    clock.advance(10_000);
    due = care.look(() => isHere).length;
  }
  return due > 0;
}

Deno.test("EphemeralCare finds who was away for as long as allowed, and nobody else", () => {
  const { clock, job, open } = setUp();
  const care = open();
  care.look(() => false);
  assert(!pass(care, clock, AWAY_MS - 10_000));
  clock.advance(10_000);
  assert.deepEqual(care.look(() => false).map(({ nodeId }) => nodeId), [job.id]);
});

Deno.test("EphemeralCare begins anew with whoever was seen", () => {
  const { clock, open, store } = setUp();
  const care = open();
  care.look(() => false);
  assert(!pass(care, clock, AWAY_MS - 10_000));
  assert(!pass(care, clock, 10_000, true));
  assert.equal(store.entries("away").length, 0);
  assert(!pass(care, clock, AWAY_MS - 10_000));
});

Deno.test("EphemeralCare begins anew with whoever was seen, also while others are due in crowds", () => {
  const { clock, open, job, add } = setUp();
  for (let i = 0; i < 40; i++) add(1_000);
  const care = open();
  care.look(() => false);
  const look = (isBack: boolean) => {
    clock.advance(10_000);
    return care.look((nodeId) => isBack && nodeId === job.id);
  };
  for (let waited = 0; waited < AWAY_MS - 20_000; waited += 10_000) assert.equal(look(false).length, 16);
  look(true);
  for (let waited = 0; waited < AWAY_MS - 20_000; waited += 10_000) {
    assert(!look(false).some(({ nodeId }) => nodeId === job.id), `away for ${waited} ms`);
  }
});

Deno.test("EphemeralCare finds nobody whose key was replaced, whatever its record says", () => {
  const { clock, open, job, network, roster } = setUp();
  const { signingKey } = network.identity;
  const heir = network.node();
  const formerKeys = [keyTagOf(job.publicKey)];
  const chain = {
    root: formerKeys[0],
    generation: 1,
    formerKeys,
    formerVersions: [1],
    rotationsSpentUntil: START,
  };
  roster.merge(signRecord(
    network.record(
      heir,
      { ephemeralMs: AWAY_MS, version: VERSIONS_PER_GENERATION, chain } as Partial<MemberRecord>,
    ),
    signingKey,
  ));
  const care = open();
  care.look(() => false);
  for (let i = 0; i < 20; i++) clock.advance(60_000), care.look(() => false);
  assert.deepEqual(care.look(() => false).map(({ nodeId }) => nodeId), [heir.id]);
});

Deno.test("EphemeralCare remembers all but a sixteenth over a restart, and counts no time of its own absence", () => {
  const { clock, open } = setUp();
  const first = open();
  first.look(() => false);
  pass(first, clock, AWAY_MS / 2);
  const second = open();
  clock.advance(10 * AWAY_MS);
  assert.deepEqual(second.look(() => false), [], "nobody has looked meanwhile");
  assert(!pass(second, clock, AWAY_MS * 0.4));
  assert(pass(second, clock, AWAY_MS / 8));
});

Deno.test("EphemeralCare counts half a minute at most for a process that stood still, and nothing while it rests", () => {
  const { clock, open } = setUp();
  const care = open();
  care.look(() => false);
  clock.advance(AWAY_MS * 5);
  assert.deepEqual(care.look(() => false), []);
  for (let i = 0; i < 100; i++) {
    care.rest();
    clock.advance(30_000);
    assert.deepEqual(care.look(() => false), []);
  }
});
