import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { signRecord } from "../records/member_record.ts";
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
  return { clock, store, job, open };
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
