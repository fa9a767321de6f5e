import assert from "node:assert/strict";
import { MemoryStateStore, StateError, unixMillis, VirtualClock } from "../../base/mod.ts";
import type { NodeId } from "../identity/identity.ts";
import type { MemberRecord } from "../records/member_record.ts";
import { Replica } from "../replica/replica.ts";
import { keyTagOf, REMOVAL_VERSION, VERSIONS_PER_GENERATION } from "../records/key_chain.ts";
import { signRecord } from "../records/member_record.ts";
import { NO_UPDATE } from "../records/replica_update.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import { AUDIT_LIFETIME_MS, AuditLog, MAX_AUDIT_ENTRIES } from "./audit_log.ts";
import { AuditWatch } from "./audit_watch.ts";
import { recordChanges } from "./record_changes.ts";

const network = new TestNetwork(41);
const node = network.node();
const base = network.record(node, { name: "web" });
const grants = { offer: ["orders"], publish: [], subscribe: [], names: [], claimed: ["cart"] };
const chain = {
  root: keyTagOf(node.publicKey),
  generation: 1,
  formerKeys: [keyTagOf(node.publicKey)],
  formerVersions: [1],
  rotationsSpentUntil: START,
};
const next = (fields: Partial<MemberRecord>, from = base): MemberRecord => ({
  ...from,
  version: from.version + 1,
  ...fields,
});

Deno.test("recordChanges() says what has become of a member, and nothing when a record is only renewed", () => {
  const cases: readonly (readonly [string, MemberRecord | undefined, MemberRecord, string[]])[] = [
    ["came", undefined, base, ["joined"]],
    ["was removed before", undefined, next({ revoked: true }), []],
    ["renewed", base, next({ expiresAt: unixMillis(START + 1) }), []],
    ["renamed", base, next({ name: "shop" }), ["renamed"]],
    ["labelled", base, next({ labels: { a: "b" } }), ["relabelled"]],
    ["confirmed", next({ unconfirmedLabels: { a: "b" } }), base, ["relabelled"]],
    ["granted", base, next({ grants }), ["claimed", "granted"]],
    ["ungranted", next({ grants }), base, ["ungranted"]],
    ["promoted", base, next({ roles: ["leader", "member"] }), ["promoted"]],
    ["demoted", next({ roles: ["leader", "member"] }), base, ["demoted"]],
    ["removed", base, next({ revoked: true }), ["removed"]],
    ["left", base, next({ revoked: true, expiresAt: base.issuedAt }), ["left"]],
    ["keys replaced", base, next({ revoked: true, successor: network.node().id }), []],
    ["new keys", undefined, next({ chain }), ["rotated"]],
  ];
  for (const [what, before, after, kinds] of cases) {
    assert.deepEqual(recordChanges(before, after).map(({ kind }) => kind), kinds, what);
  }
});

Deno.test("AuditLog keeps 10,000 entries of 90 days, and goes on counting after it was opened again", () => {
  const store = new MemoryStateStore();
  const clock = new VirtualClock(START);
  const log = new AuditLog(store, clock);
  const event = { kind: "token-created", detail: { token: "ab".repeat(16) } } as const;
  for (let i = 0; i < MAX_AUDIT_ENTRIES + 5; i++) log.append(event, { kind: "operator" });
  assert.equal(store.entries("audit").length, MAX_AUDIT_ENTRIES);
  const again = new AuditLog(store, clock);
  const last = again.list({ limit: 2 });
  assert.deepEqual(last.map(({ number }) => number), [MAX_AUDIT_ENTRIES + 4, MAX_AUDIT_ENTRIES + 5]);
  assert.deepEqual(again.list({ limit: 10, after: MAX_AUDIT_ENTRIES + 4 }).map(({ number }) => number), [
    MAX_AUDIT_ENTRIES + 5,
  ]);
  clock.advance(AUDIT_LIFETIME_MS + 1);
  again.append(event);
  assert.equal(
    store.entries("audit").length,
    MAX_AUDIT_ENTRIES - 16,
    "the bound, and sixteen that are too old",
  );
  assert.deepEqual(again.list({ limit: 10, since: clock.wall() }).map(({ by }) => by.kind), ["agent"]);
  for (let i = 0; i < MAX_AUDIT_ENTRIES / 15; i++) again.append(event);
  assert(store.entries("audit").length < 1_000);
});

Deno.test("AuditLog keeps what operators did, however much members and holders of tokens do", () => {
  const store = new MemoryStateStore();
  const { id: networkId, verifyingKey, signingKey } = network.identity;
  const clock = new VirtualClock(START);
  const log = new AuditLog(store, clock);
  const there = new AuditLog(new MemoryStateStore(), clock);
  const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
  replica.subscribe(new AuditWatch(replica.roster, there));
  const merge = (...records: MemberRecord[]) => {
    replica.merge({ ...NO_UPDATE, records: records.map((record) => signRecord(record, signingKey)) });
    replica.deliverEvents();
  };
  const removed = { ...base, version: REMOVAL_VERSION, revoked: true };
  merge(base);
  merge({ ...base, name: "shop", version: 256 });
  log.as({ kind: "operator" }, () => log.noteSigned(base, removed));
  const token = { kind: "token", id: "ab" } as const;
  for (let i = 0; i < MAX_AUDIT_ENTRIES; i++) {
    // An id of each; making its keys takes milliseconds.
    const nodeId = i.toString(16).padStart(base.nodeId.length, "0") as NodeId;
    log.as(token, () => log.noteSigned(undefined, { ...base, nodeId }));
    log.as(token, () => log.noteSigned(base, next({ labels: { a: "b" } })));
  }
  for (let i = 0; i < 300; i++) {
    const guest = network.record(network.node(), { name: `guest-${i}` });
    merge(guest);
    merge({ ...guest, version: REMOVAL_VERSION, revoked: true, expiresAt: guest.issuedAt });
  }
  for (const each of [log, new AuditLog(store, clock)]) {
    const all = each.list({ limit: 99_999 });
    assert.deepEqual([all[0]?.kind, all[0]?.by.kind], ["removed", "operator"]);
    assert.equal(all.length, MAX_AUDIT_ENTRIES + 1);
    assert.deepEqual(all.map(({ number }) => number), all.map(({ number }) => number).sort((a, b) => a - b));
  }
  const kinds = Map.groupBy(there.list({ limit: 99_999 }), ({ kind }) => kind);
  assert.deepEqual([kinds.get("left")?.length, kinds.get("removed")], [300, undefined]);
  assert.equal(kinds.get("renamed")?.length, 1);
});

Deno.test("AuditLog cuts what is too long, and refuses what is damaged", () => {
  const store = new MemoryStateStore();
  const log = new AuditLog(store, new VirtualClock(START));
  log.append({ kind: "granted", detail: { offer: "x".repeat(5_000) } });
  assert.equal(log.list({ limit: 1 })[0]?.detail?.offer?.length, 1_024);
  store.put("audit", "000000000001", Uint8Array.of(1));
  assert.throws(() => log.list({ limit: 1 }), StateError);
});

Deno.test("AuditWatch notes what another leader has changed, once, and nothing that was signed here", () => {
  const store = new MemoryStateStore();
  const clock = new VirtualClock(START);
  const { id: networkId, verifyingKey, signingKey } = network.identity;
  const replica = new Replica(store, { networkId, verifyingKey, clock });
  const log = new AuditLog(store, clock);
  replica.subscribe(new AuditWatch(replica.roster, log));
  const merge = (...records: MemberRecord[]) => {
    replica.merge({ ...NO_UPDATE, records: records.map((record) => signRecord(record, signingKey)) });
    replica.deliverEvents();
  };
  const kinds = () => log.list({ limit: 100 }).map(({ kind, by }) => `${kind} ${by.kind}`);
  merge(base);
  const renamed = next({ name: "shop" });
  merge(renamed);
  assert.deepEqual(kinds(), ["joined leader", "renamed leader"]);

  const labelled = next({ labels: { a: "b" } }, renamed);
  log.as({ kind: "operator" }, () => log.noteSigned(renamed, labelled));
  merge(labelled);
  assert.deepEqual(kinds().slice(2), ["relabelled operator"]);

  log.attribute(node.id, { kind: "operator" });
  merge(next({ roles: ["leader", "member"] }, labelled));
  assert.deepEqual(kinds().slice(3), ["promoted operator"]);

  const heir = network.node();
  const formerKeys = [keyTagOf(node.publicKey)];
  const formerVersions = [labelled.version + 1];
  const version = VERSIONS_PER_GENERATION;
  const successor = network.record(heir, {
    name: "shop",
    version,
    chain: { ...chain, formerKeys, formerVersions },
  });
  merge(successor, { ...labelled, version: labelled.version + 2, revoked: true, successor: heir.id });
  assert.deepEqual(kinds().slice(4), ["rotated leader"]);
  merge({ ...successor, version: REMOVAL_VERSION, revoked: true });
  assert.deepEqual(kinds().slice(5), ["removed leader"]);
});
