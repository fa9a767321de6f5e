import assert from "node:assert/strict";
import { MemoryStateStore } from "../base/mod.ts";
import { NodeIdentity } from "./identity/mod.ts";
import { NO_UPDATE, signRecord } from "./records/mod.ts";
import { MARK_KEY, MARK_KIND } from "./replica/mod.ts";
import { exportedAt, noteExport, recoveryContent, restoreLeader } from "./recovery.ts";
import { MeshState } from "./mesh_state.ts";
import { MeshFixture } from "./testing/mesh_fixture.ts";

const DAY_MS = 86_400_000;
const ALL = "10.200.0.1-10.200.0.64";

/** A leader and two members that know each other, and what the leader has exported. */
function setUp(seed: number) {
  const stage = new MeshFixture(seed);
  const a = stage.create();
  const [b, c] = [stage.join(a, "b"), stage.join(a, "c")];
  mark(a);
  stage.sync(a, b, c);
  return { stage, a, b, c, content: recoveryContent(a, stage.clock.wall()) };
}

/** What the elected leader does once a day. */
function mark({ replica, network: { id, signingKey } }: MeshState): void {
  const body = replica.networkClock.nextMark();
  if (body === undefined) return;
  replica.entries.write(id, signingKey ?? assert.fail(), { kind: MARK_KIND, key: MARK_KEY, body });
}

function addressesOf(state: MeshState): readonly string[] {
  return state.roster.members().map(({ record }) => String(record.addresses[0]));
}

function slicesOf({ leadership }: MeshState): string {
  return leadership.slices.join();
}

/** A node that is no member, from a file. */
function restore({ stage, content }: Pick<ReturnType<typeof setUp>, "stage" | "content">): MeshState {
  const store = new MemoryStateStore();
  const state = restoreLeader(store, content, stage.options);
  assert.ok(state instanceof MeshState, "problem" in state ? state.problem : "");
  stage.stores.set(state, store);
  return state;
}

Deno.test("Leadership.recover() makes a member a leader, who takes all addresses and gives none twice", () => {
  const { stage, a, b, c, content } = setUp(1);
  assert.ok(b.leadership.recover(content.signingKey));
  assert.deepEqual([b.role, slicesOf(b), b.leadership.recoveringFrom], ["leader", "", "member"]);
  const loaded = stage.load(b);
  assert.equal(loaded.leadership.recoveringFrom, "member", "after a crash");
  loaded.leadership.takeOver([a.identity.id]);
  assert.equal(slicesOf(loaded), ALL);
  for (const state of [loaded, stage.load(loaded)]) assert.equal(state.leadership.recoveringFrom, undefined);
  stage.sync(loaded, c);
  assert.ok(c.roster.get(b.identity.id)?.record.roles.includes("leader"), "old members see it");
  const joined = Array.from({ length: 5 }, (_, i) => stage.join(loaded, `n${i}`));
  stage.sync(loaded, ...joined);
  const addresses = addressesOf(loaded);
  assert.equal(addresses.length, 8);
  assert.equal(new Set(addresses).size, 8, addresses.join());
});

Deno.test("Leadership.recover() again is harmless, and another network's key does nothing", () => {
  const { stage, a, b, content } = setUp(2);
  b.leadership.recover(content.signingKey);
  b.leadership.takeOver([a.identity.id]);
  const before = b.record.version;
  b.leadership.recover(content.signingKey);
  b.leadership.takeOver([a.identity.id]);
  assert.deepEqual([b.role, slicesOf(b), b.record.version], ["leader", ALL, before]);
  const other = setUp(3).content;
  const c = stage.join(a, "d");
  assert.equal(c.leadership.recover(other.signingKey), undefined);
  assert.equal(c.role, "member");
});

Deno.test("a leader that comes back after a recovery leads, too, and gives out nothing that is another's", () => {
  for (const seed of [4, 5, 6, 7]) {
    const { stage, a, b, content } = setUp(seed);
    b.leadership.recover(content.signingKey);
    b.leadership.takeOver([a.identity.id]);
    stage.sync(b, a);
    // Whichever of the two is elected, and has the lower id.
    a.leadership.settleSlices(true);
    stage.sync(a, b);
    b.leadership.settleSlices(true);
    assert.deepEqual([a.role, slicesOf(a), slicesOf(b)], ["leader", "", ALL], String(seed));
    const [d, e] = [stage.join(b, "d"), a.leadership.handOver(b.record)];
    assert.deepEqual([d.record.addresses.length > 0, e.slices.ranges.length], [true, 0]);
  }
});

Deno.test("two members that recover at the same time share out the addresses, and lose none", () => {
  const { stage, a, b, c, content } = setUp(8);
  for (const state of [b, c]) {
    state.leadership.recover(content.signingKey);
    state.leadership.takeOver([a.identity.id]);
  }
  for (let round = 0; round < 3; round++) {
    stage.sync(b, c);
    for (const state of [b, c]) state.leadership.settleSlices(state === b);
  }
  assert.deepEqual([slicesOf(b), slicesOf(c)].toSorted(), ["", ALL]);
});

Deno.test("restoreLeader() goes on as the leader that made the file, and learns what has happened since", () => {
  const { stage, a, b, content } = setUp(9);
  const late = stage.join(a, "late");
  stage.sync(a, b, late);
  const restored = restore({ stage, content });
  assert.equal(restored.identity.id, a.identity.id);
  assert.deepEqual([restored.role, restored.record.name, slicesOf(restored)], ["leader", "a", ""]);
  assert.equal(restored.leadership.recoveringFrom, "file");
  assert.ok(restored.roster.get(b.identity.id), "somebody to dial");
  stage.sync(b, restored);
  restored.leadership.settleSlices(true);
  stage.clock.advance(20_000);
  restored.leadership.settleSlices(true);
  assert.equal(slicesOf(restored), ALL);
  stage.join(restored, "next");
  assert.equal(new Set(addressesOf(restored)).size, 5, addressesOf(restored).join());
  assert.throws(() => restoreLeader(stage.stores.get(b) ?? assert.fail(), content, stage.options), {
    code: "AlreadyInitialized",
  });
});

Deno.test("restoreLeader() of a file older than every record keeps members members until they are renewed", () => {
  const { stage, b, c, content } = setUp(10);
  stage.clock.advance(200 * DAY_MS);
  const restored = restore({ stage, content });
  assert.ok(restored.roster.get(restored.identity.id), "its own record is good");
  mark(restored);
  stage.sync(restored, b, c);
  for (const state of [restored, b, c]) {
    assert.deepEqual(state.roster.members().map(({ record }) => record.name).toSorted(), ["a", "b", "c"]);
  }
  const renewed = restored.admission?.renewDue(() => true).map(({ record }) => record.name);
  assert.deepEqual(renewed?.toSorted(), ["a", "b", "c"]);
  // Of who was away, a month later nothing is left; whoever was there stays.
  stage.sync(restored, b);
  for (let day = 0; day <= 31; day++) {
    stage.clock.advance(DAY_MS);
    mark(restored);
  }
  stage.sync(restored, b);
  assert.equal(b.replica.networkClock.now(), stage.clock.wall());
  assert.ok(b.roster.get(c.identity.id));
});

Deno.test("restoreLeader() takes no file without the record of its leader, and leaves nothing then", () => {
  const { stage, content } = setUp(11);
  const store = new MemoryStateStore();
  const roster = { ...content.roster, records: content.roster.records.slice(1) };
  assert.ok("problem" in restoreLeader(store, { ...content, roster }, stage.options));
  assert.throws(() => MeshState.load(store, stage.options), { code: "NotInitialized" });
});

Deno.test("recoveryContent() has room for some members of a large network, and its own leader always", () => {
  const { stage, a, b, content } = setUp(12);
  const records = Array.from({ length: 120 }, (_, i) => {
    const { id: nodeId, publicKey, signingKey: { verifyingKey } } = NodeIdentity.generate(stage.random);
    return signRecord({ ...b.record, name: `n${i}`, nodeId, publicKey, verifyingKey }, content.signingKey);
  });
  a.replica.merge({ ...NO_UPDATE, records });
  const { roster } = recoveryContent(a, stage.clock.wall());
  assert.ok(roster.records.length > 20 && roster.records.length < 120, String(roster.records.length));
  assert.deepEqual(roster.records[0], a.roster.signedRecord(a.identity.id));
});

Deno.test("noteExport() has everybody know when a file was made, for 90 days", () => {
  const { stage, a, b, content } = setUp(13);
  assert.equal(exportedAt(a), undefined);
  noteExport(a, content);
  stage.sync(a, b);
  assert.deepEqual([exportedAt(a), exportedAt(b)], [content.madeAt, content.madeAt]);
  for (let day = 0; day < 91; day++) {
    mark(a);
    stage.clock.advance(DAY_MS);
  }
  assert.equal(exportedAt(a), undefined);
});
