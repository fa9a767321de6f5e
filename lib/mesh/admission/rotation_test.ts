import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { MAX_FORMER_KEYS, ROTATION_BURST, ROTATION_EVERY_MS, spendRotation } from "../records/key_chain.ts";
import type { NodeIdentity } from "../identity/identity.ts";
import { NO_UPDATE } from "../records/replica_update.ts";
import { Replica } from "../replica/replica.ts";
import { SmallPool, START, TestNetwork } from "../testing/test_network.ts";
import { Admission, rotationTo } from "./admission.ts";
import { TokenBook } from "./token_book.ts";

const network = new TestNetwork(50);

function leader(clock = new VirtualClock(START), store = new MemoryStateStore()) {
  const { id: networkId, verifyingKey } = network.identity;
  const replica = new Replica(store, { networkId, verifyingKey, clock });
  const tokens = new TokenBook(store, { random: network.random, clock });
  const { roster } = replica;
  const addresses = new SmallPool(200);
  const admission = new Admission({ store, roster, tokens, clock, addresses, network: network.identity });
  const token = tokens.create({
    networkId,
    leaderPublicKey: network.node().publicKey,
    endpoints: [],
    cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
    lifetimeMs: 365 * 86_400_000,
  });
  const join = (node: NodeIdentity) => {
    const { publicKey, signingKey: { verifyingKey } } = node;
    const keys = { publicKey, verifyingKey, remotePublicKey: publicKey };
    return admission.admit({
      tokenId: token.tokenId,
      secret: token.secret,
      name: "web",
      ...keys,
    });
  };
  const rotate = (from: NodeIdentity, to: NodeIdentity) =>
    admission.rotate(roster.recordByKey(from.publicKey) ?? assert.fail(), rotationTo(from.id, to));
  return { clock, store, replica, roster, tokens, token, admission, join, rotate };
}

Deno.test("Admission.rotate() allows four rotations at once and four a day, whichever leader is asked or restarts", () => {
  const clock = new VirtualClock(START);
  const [a, b] = [leader(clock), leader(clock)];
  const nodes = Array.from({ length: 8 }, () => network.node()) as [NodeIdentity, ...NodeIdentity[]];
  a.join(nodes[0]);
  for (let i = 0; i < ROTATION_BURST; i++) {
    const at = i % 2 === 0 ? a : b;
    b.replica.merge(a.replica.snapshot());
    a.replica.merge(b.replica.snapshot());
    assert.ok(Array.isArray(at.rotate(nodes[i] as NodeIdentity, nodes[i + 1] as NodeIdentity)), `${i}`);
  }
  b.replica.merge(a.replica.snapshot());
  a.replica.merge(b.replica.snapshot());
  const [last, next] = nodes.slice(ROTATION_BURST) as [NodeIdentity, NodeIdentity];
  for (const each of [a, b, leader(clock, a.store)]) {
    assert.deepEqual(each.rotate(last, next), { retryAfterMs: ROTATION_EVERY_MS });
  }
  clock.advance(ROTATION_EVERY_MS);
  assert.ok(Array.isArray(a.rotate(last, next)));
});

Deno.test("Admission.rotate() allows all members together ten a second, after a first burst", () => {
  const { clock, join, rotate, roster } = leader();
  const nodes = Array.from({ length: 70 }, () => network.node());
  for (const node of nodes) join(node);
  const outcomes = nodes.map((node) => Array.isArray(rotate(node, network.node())));
  assert.equal(outcomes.filter(Boolean).length, 64);
  const late = nodes[69] as NodeIdentity;
  assert.deepEqual(rotate(late, network.node()), { retryAfterMs: 100 });
  clock.advance(100);
  assert.ok(Array.isArray(rotate(late, network.node())));
  assert.equal(roster.members().length, 70);
});

Deno.test("Admission.rotate() for a hundred days leaves two records of a member, and one when it is removed", () => {
  const { clock, join, rotate, roster, admission, store, replica } = leader();
  let node = network.node();
  const first = node;
  join(node);
  const former: NodeIdentity[] = [];
  for (let i = 0; i < 400; i++) {
    const next = network.node();
    assert.ok(Array.isArray(rotate(node, next)), `rotation ${i}`);
    // As a node does that adopts them: what it has written goes on under the new key.
    replica.entries.write(next.id, next.signingKey, { kind: "name", key: "db", body: new Uint8Array(1) });
    replica.publish(NO_UPDATE);
    former.push(node);
    node = next;
    clock.advance(ROTATION_EVERY_MS);
  }
  assert.equal(roster.signed().records.length, 2);
  assert.equal(store.entries("record").length, 2);
  assert.ok(store.entries("entry").length <= 2, `${store.entries("entry").length} entries`);
  assert.equal(roster.members().length, 1);
  const record = roster.recordByKey(node.publicKey) ?? assert.fail();
  assert.equal(record.chain?.generation, 400);
  assert.equal(record.chain?.formerKeys.length, MAX_FORMER_KEYS);
  assert.ok(roster.signedRecord(node.id)?.payload.length ?? 0 < 1000);
  // The latest of its former keys, and the first, are refused.
  for (const key of [first, ...former.slice(-MAX_FORMER_KEYS)]) assert.equal(join(key), "refused:revoked");
  const other = leader(clock);
  other.replica.merge(replica.snapshot());
  assert.ok(admission.revoke(node.publicKey));
  assert.equal(roster.signed().records.length, 1);
  assert.equal(roster.members().length, 0);
  for (const key of [first, node, ...former.slice(-MAX_FORMER_KEYS)]) {
    assert.equal(join(key), "refused:revoked");
  }
  other.replica.merge(replica.snapshot());
  assert.equal(other.roster.signed().records.length, 1);
});

Deno.test("Admission.admit() refuses whom one leader removed while another one gave it new keys, at both", () => {
  const clock = new VirtualClock(START);
  const [a, b] = [leader(clock), leader(clock)];
  const [k1, k2, k3] = [network.node(), network.node(), network.node()];
  a.join(k1);
  b.replica.merge(a.replica.snapshot());
  assert.ok(a.admission.revoke(k1.publicKey));
  for (const [from, to] of [[k1, k2], [k2, k3]] as const) assert.ok(Array.isArray(b.rotate(from, to)));
  assert.ok(b.roster.get(k3.id));
  const before = [a, b].map(({ replica }) => replica.snapshot()) as [typeof NO_UPDATE, typeof NO_UPDATE];
  b.replica.merge(before[0]);
  a.replica.merge(before[1]);
  for (const { roster, join, admission } of [a, b]) {
    assert.equal(roster.members().length, 0);
    for (const key of [k1, k2, k3]) assert.equal(join(key), "refused:revoked");
    const known = roster.recordByKey(k3.publicKey) ?? assert.fail();
    assert.equal(admission.renew(known), "refused:revoked");
  }
  // The elected leader makes one record of several.
  const [folded] = a.admission.renewDue(() => true);
  assert.ok(folded?.record.revoked);
  b.replica.merge({ ...NO_UPDATE, records: [folded.signed] });
  for (const { roster, join } of [a, b]) {
    assert.equal(roster.signed().records.length, 1);
    for (const key of [k1, k2, k3]) assert.equal(join(key), "refused:revoked");
  }
  assert.deepEqual(a.admission.renewDue(() => true), []);
});

Deno.test("Admission.redoMissed() changes a member again that got new keys from a leader which did not know", () => {
  for (const isReversed of [false, true]) {
    const clock = new VirtualClock(START);
    const [a, b] = [leader(clock), leader(clock)];
    const [k1, k2, k3] = [network.node(), network.node(), network.node()];
    a.join(k1);
    b.replica.merge(a.replica.snapshot());
    const known = a.roster.recordByKey(k1.publicKey) ?? assert.fail();
    assert.ok(typeof a.admission.renew({ ...known, labels: { quarantine: "true" } }) === "object");
    for (const [from, to] of [[k1, k2], [k2, k3]] as const) assert.ok(Array.isArray(b.rotate(from, to)));
    const { records } = b.replica.snapshot();
    a.replica.merge({ ...NO_UPDATE, records: isReversed ? records.toReversed() : records });
    assert.deepEqual(a.roster.get(k3.id)?.record.labels, {}, "the leader that rotated did not know");
    const [redone, ...more] = a.admission.redoMissed();
    assert.ok(redone !== undefined && more.length === 0);
    b.replica.merge({ ...NO_UPDATE, records: [redone.signed] });
    for (const { roster, admission } of [a, b]) {
      assert.deepEqual(roster.get(k3.id)?.record.labels, { quarantine: "true" });
      assert.deepEqual(admission.redoMissed(), []);
    }
    // What is changed later stays as it is, whoever hears the old records again.
    const now = b.roster.get(k3.id)?.record ?? assert.fail();
    assert.ok(typeof b.admission.renew({ ...now, labels: {} }) === "object");
    a.replica.merge({ ...NO_UPDATE, records: [...records, ...b.replica.snapshot().records] });
    assert.deepEqual(a.admission.redoMissed(), []);
    assert.deepEqual(a.roster.get(k3.id)?.record.labels, {});
  }
});

Deno.test("Admission.tokenOf() says, at every leader and after new keys, by which token a machine came in", () => {
  const clock = new VirtualClock(START);
  const [a, b] = [leader(clock), leader(clock)];
  const [k1, k2] = [network.node(), network.node()];
  a.join(k1);
  a.rotate(k1, k2);
  b.replica.merge(a.replica.snapshot());
  const record = b.roster.get(k2.id)?.record ?? assert.fail();
  assert.equal(b.admission.tokenOf(record), a.token.tokenId);
  assert.notEqual(record.admittedBy?.toHex(), a.token.tokenId, "members cannot read it");
  const { admittedBy: _, ...without } = record;
  assert.equal(b.admission.tokenOf(without), undefined);
});

Deno.test("spendRotation() makes nobody wait longer for a clock that was ahead than a whole burst takes", () => {
  const ahead = unixMillis(START + 365 * 86_400_000);
  assert.deepEqual(spendRotation(ahead, START), { retryAfterMs: ROTATION_EVERY_MS });
});
