import assert from "node:assert/strict";
import { NO_GRANTS } from "../records/grants.ts";
import { MAX_PAYLOAD_BYTES } from "../records/signed.ts";
import { rotationTo } from "./key_rotation.ts";
import { MAX_CLAIMS, MAX_GRANTS_LENGTH } from "../bounds.ts";
import { enrolled, requestOf, setUpAdmission } from "../testing/admission_fixture.ts";
import { MemoryStateStore } from "../../base/mod.ts";
import { Roster } from "../replica/roster.ts";
import { Admission } from "./admission.ts";
import { SmallPool } from "../testing/test_network.ts";

const GRANTS = { ...NO_GRANTS, offer: ["orders"], names: ["shop"] };

Deno.test("Admission.admit() gives nobody again what a leader has taken away, by no token that was there before", () => {
  const { network, clock, roster, admission, newToken } = setUpAdmission(61);
  const own = newToken({ uses: 1, labels: { role: "admin" }, grants: GRANTS });
  const other = newToken({ uses: 5, labels: { zone: "a" }, grants: { ...NO_GRANTS, publish: ["orders/>"] } });
  const node = network.node();
  const now = () => roster.recordByKey(node.publicKey) ?? assert.fail();
  const join = (token = own) => enrolled(admission.admit(requestOf(node, token)));
  join();
  join(other);
  assert.deepEqual(now().labels, { role: "admin", zone: "a" });
  clock.advance(1_000);
  enrolled(admission.amend(now(), { labels: {} }));
  enrolled(admission.amend(now(), { grants: NO_GRANTS }));
  const taken = now();
  for (const token of [own, other, own]) assert.deepEqual(join(token), taken, "a used-up token, too");
  const heir = network.node();
  assert(typeof admission.rotate(taken, rotationTo(taken.nodeId, heir)) === "object");
  const again = enrolled(admission.admit(requestOf(heir, other)));
  assert.deepEqual([again.labels, again.grants], [{}, NO_GRANTS], "nor by new keys");
  clock.advance(1_000);
  const later = newToken({ labels: { zone: "b" }, grants: GRANTS });
  const given = enrolled(admission.admit(requestOf(heir, later)));
  assert.deepEqual([given.labels, given.grants], [{ zone: "b" }, GRANTS], "what is given later counts");
});

Deno.test("Admission.admit() gives no member what only an approved machine is given, until it is approved", () => {
  const { network, roster, admission, newToken } = setUpAdmission(62);
  const plain = newToken();
  const strong = newToken({ needsApproval: true, uses: 1, labels: { role: "admin" }, grants: GRANTS });
  const node = network.node();
  const first = enrolled(admission.admit(requestOf(node, plain)));
  assert.equal(admission.admit(requestOf(node, strong)), "pending");
  assert.deepEqual(roster.recordByKey(node.publicKey), first);
  const [waiting = assert.fail()] = admission.approvals.list();
  const approved = enrolled(admission.approve(waiting));
  assert.deepEqual([approved.labels, approved.grants], [{ role: "admin" }, GRANTS]);
  assert.deepEqual(
    [approved.name, approved.addresses],
    [first.name, first.addresses],
    "it is the same member",
  );
  assert.deepEqual(enrolled(admission.admit(requestOf(node, strong))), approved, "it comes for the answer");
});

Deno.test("Admission.approve() makes no second record of a machine that is a member by now, or was removed", () => {
  const { network, pool, admission, newToken } = setUpAdmission(63);
  const waits = newToken({ needsApproval: true });
  const node = network.node();
  assert.equal(admission.admit(requestOf(node, waits)), "pending");
  const [waiting = assert.fail()] = admission.approvals.list();
  const member = enrolled(admission.admit(requestOf(node, newToken(), { name: "shop" })));
  const approved = enrolled(admission.approve(waiting));
  assert.deepEqual([approved.name, approved.addresses], [member.name, member.addresses]);
  assert.equal(pool.taken.size, 1);
  admission.revoke(node.publicKey);
  assert.equal(admission.approve(waiting), "refused:revoked");
  assert.equal(pool.taken.size, 0);
});

Deno.test("What an operator says of a member outranks all that the member had another leader sign meanwhile", () => {
  const { network, clock, roster, tokens, admission, newToken } = setUpAdmission(64);
  const { id: networkId, verifyingKey } = network.identity;
  const store = new MemoryStateStore();
  const elsewhere = new Roster(store, { networkId, verifyingKey, clock });
  const other = new Admission({
    store,
    roster: elsewhere,
    tokens,
    network: network.identity,
    clock,
    addresses: new SmallPool(1),
  });
  const node = network.node();
  const first = enrolled(
    admission.admit(requestOf(node, newToken({ labels: { role: "web" }, grants: GRANTS }))),
  );
  for (const signed of roster.signed().records) elsewhere.merge(signed);
  const there = () => elsewhere.recordByKey(node.publicKey) ?? assert.fail();
  const told = enrolled(admission.amend(first, { labels: { quarantine: "true" }, grants: NO_GRANTS }));
  for (let i = 0; i < MAX_CLAIMS; i++) assert(typeof other.claim(there(), `path${i}`) === "object");
  assert.equal(other.claim(there(), "more"), undefined);
  for (let i = 0; i < 32; i++) {
    enrolled(other.admit(requestOf(node, newToken({ labels: { [`label${i}`]: "" } }))));
    enrolled(other.renew(there()));
  }
  for (const { records } of [roster.signed(), elsewhere.signed()]) {
    for (const signed of records) for (const each of [roster, elsewhere]) each.merge(signed);
  }
  for (const each of [roster, elsewhere]) assert.deepEqual(each.recordByKey(node.publicKey), told);
});

Deno.test("Admission.revoke() has those who leave forgotten before anybody whom an operator has removed", () => {
  const { network, clock, admission, newToken } = setUpAdmission(65);
  const [bad, guest] = [1, 2].map(() => enrolled(admission.admit(requestOf(network.node(), newToken()))));
  const removed = enrolled(admission.revoke(bad?.publicKey ?? assert.fail()));
  assert(removed.expiresAt >= (bad?.expiresAt ?? 0), "for as long as any record of it is good");
  clock.advance(60 * 86_400_000);
  const left = enrolled(admission.revoke(guest?.publicKey ?? assert.fail(), true));
  assert(left.expiresAt < removed.expiresAt);
});

Deno.test("A member whose record is as full as it gets can be removed, and keeps nobody else from being renewed", () => {
  const { network, clock, roster, admission, newToken } = setUpAdmission(66);
  const labels = Object.fromEntries(
    Array.from({ length: 32 }, (_, i) => [`k${i}`.padEnd(3, "k"), "v".repeat(61)]),
  );
  let node = network.node();
  enrolled(admission.admit(requestOf(node, newToken({ labels }), { name: "n".repeat(63) })));
  const other = enrolled(admission.admit(requestOf(network.node(), newToken())));
  const now = () => roster.recordByKey(node.publicKey) ?? assert.fail();
  for (let i = 0; i < MAX_CLAIMS; i++) {
    admission.claim(now(), `${i}`.padStart(MAX_GRANTS_LENGTH / MAX_CLAIMS - 5, "p"));
  }
  let isFull = false;
  for (let i = 0; i < 40 && !isFull; i++) {
    const heir = network.node();
    try {
      assert(typeof admission.rotate(now(), rotationTo(node.id, heir)) === "object");
      node = heir;
    } catch (error) {
      assert(error instanceof RangeError, String(error));
      isFull = true;
    }
    clock.advance(6 * 3_600_000);
  }
  // One more character at a time, up to what a record holds.
  for (let length = 1; isFull && length < 40; length++) {
    try {
      enrolled(admission.amend(now(), { grants: { ...now().grants, names: ["a".repeat(length)] } }));
    } catch (error) {
      assert(error instanceof RangeError, String(error));
      break;
    }
  }
  assert(MAX_PAYLOAD_BYTES - (roster.signedRecord(now().nodeId)?.payload.length ?? 0) < 5);
  clock.advance(60 * 86_400_000);
  const renewed = admission.renewDue(() => true).map(({ record }) => record.nodeId);
  assert(renewed.includes(other.nodeId));
  assert(admission.revoke(now().publicKey)?.record.revoked);
});
