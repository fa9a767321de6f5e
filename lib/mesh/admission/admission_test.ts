import assert from "node:assert/strict";
import { StateError, VirtualClock } from "../../base/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import type { AdmissionRequest } from "./enrolment.ts";
import { rotationTo } from "./key_rotation.ts";
import type { NodeIdentity } from "../identity/identity.ts";
import { NO_GRANTS } from "../records/grants.ts";
import { REMOVAL_VERSION } from "../records/key_chain.ts";
import { enrolled, requestOf, setUpAdmission } from "../testing/admission_fixture.ts";
import { SmallPool, START, stated } from "../testing/test_network.ts";

Deno.test("Admission.admit() gives every machine a name and addresses of its own", () => {
  const { network, admission, newToken, roster } = setUpAdmission(1);
  const token = newToken({ labels: { role: "db" } });
  const records = [1, 2, 3].map(() => enrolled(admission.admit(requestOf(network.node(), token))));
  assert.deepEqual(records.map(({ name }) => name), ["web", "web-2", "web-3"]);
  assert.deepEqual(records.map(({ addresses }) => String(addresses[0])), [
    "10.200.0.1",
    "10.200.0.2",
    "10.200.0.3",
  ]);
  assert.ok(records.every(({ addresses }) => addresses.length === 2 && addresses[1]?.family === 6));
  assert.deepEqual(records[0]?.labels, { role: "db" });
  assert.equal(roster.byName("web-2")?.statement?.version, 1);
  assert.equal(
    enrolled(admission.admit(requestOf(network.node(), token, { name: "Bad Name!" }))).name,
    "bad-name",
  );
});

Deno.test("Admission.admit() gives what the token says, and a second time no more than is missing", () => {
  const { network, admission, newToken } = setUpAdmission(14);
  const node = network.node();
  const grants = { ...NO_GRANTS, offer: ["orders"], names: ["db"] };
  const first = enrolled(admission.admit(requestOf(node, newToken({ labels: { role: "web" }, grants }))));
  assert.deepEqual([first.labels, first.grants], [{ role: "web" }, grants]);
  // What a leader has said since stays, whatever the member joins with.
  const labels = { role: "web", quarantine: "true" };
  const relabelled = enrolled(admission.amend(first, { labels, grants: NO_GRANTS }));
  assert(relabelled.version > first.version);
  const plain = enrolled(admission.admit(requestOf(node, newToken())));
  assert.deepEqual([plain.labels, plain.grants], [labels, NO_GRANTS]);
  const other = newToken({
    labels: { role: "admin", quarantine: "false", zone: "a" },
    grants: { ...NO_GRANTS, publish: ["a/>"] },
  });
  const again = enrolled(admission.admit(requestOf(node, other)));
  assert.deepEqual(again.labels, { ...labels, zone: "a" });
  assert.deepEqual(again.grants, { ...NO_GRANTS, publish: ["a/>"] });
});

Deno.test("Admission.amend() and admit() leave labels of the former release unconfirmed unless they are given", () => {
  const { network, admission, newToken, roster } = setUpAdmission(15);
  const node = network.node();
  const former = { role: "admin" };
  roster.merge(network.signed(node, { labels: {}, unconfirmedLabels: former }));
  const known = () => roster.recordByKey(node.publicKey) ?? assert.fail();
  assert.deepEqual([known().labels, known().unconfirmedLabels], [{}, former]);
  enrolled(admission.admit(requestOf(node, newToken())));
  assert.deepEqual([known().labels, known().unconfirmedLabels], [{}, former]);
  enrolled(admission.renew(known()));
  assert.deepEqual([known().labels, known().unconfirmedLabels], [{}, former]);
  enrolled(admission.amend(known(), { labels: { role: "web" } }));
  assert.deepEqual([known().labels, known().unconfirmedLabels], [{ role: "web" }, undefined]);
});

Deno.test("Admission.admit() gives nobody another one's id as a name", () => {
  const { network, admission, newToken } = setUpAdmission(13);
  const other = network.node();
  const name = enrolled(admission.admit(requestOf(network.node(), newToken(), { name: other.id }))).name;
  assert.equal(name, "node");
});

for (
  const [wanted, given] of [
    ["leader", "host-leader"],
    ["LEADER.example", "host-leader"],
    ["node-1-1", "host-node-1-1"],
    ["localhost", "host-localhost"],
    ["wpad", "host-wpad"],
    ["_tcp", "tcp"],
    ["2130706433", "host-2130706433"],
    ["0x7f000001", "host-0x7f000001"],
    ["1a", "1a"],
    ["node-1", "node-1"],
    ["leaders", "leaders"],
  ] as const
) {
  Deno.test(`Admission.admit() calls a machine ${given} that calls itself ${wanted}`, () => {
    const { network, admission, newToken } = setUpAdmission(16);
    const admit = () =>
      enrolled(admission.admit(requestOf(network.node(), newToken(), { name: wanted }))).name;
    assert.equal(admit(), given);
    assert.equal(admit(), given === "node-1" ? "host-node-1-2" : `${given}-2`);
  });
}

Deno.test("Admission.renew(), rotate() and revoke() take a reserved name of the former release away, and leave no record unsigned", () => {
  const { network, admission, roster } = setUpAdmission(17);
  const [node, other] = [network.node(), network.node()];
  for (const each of [node, other]) {
    assert.equal(roster.merge(network.former(each, "leader", { addresses: [] })), "added");
  }
  assert.equal(roster.byName("leader"), undefined);
  const known = roster.get(node.id)?.record ?? assert.fail();
  assert.equal(enrolled(admission.renew(known)).name, "host-leader");
  assert.equal(roster.byName("host-leader")?.record.nodeId, node.id);
  assert.equal(enrolled(admission.revoke(other.publicKey)).name, "leader");
});

Deno.test("Admission.rename() calls nobody what programs take for an address, and renew() takes such a name of 0.1.0 away", () => {
  const { network, admission, roster } = setUpAdmission(18);
  const node = network.node();
  assert.equal(roster.merge(network.signed(node, { name: "10" })), "added");
  assert.equal(roster.byName("10"), undefined);
  const known = roster.get(node.id)?.record ?? assert.fail();
  for (const name of ["10", "0", "0x7f"]) assert.equal(admission.rename(known, name), "refused:name");
  assert.equal(enrolled(admission.renew(known)).name, "host-10");
});

Deno.test("Admission.admit() gives the same machine the same again, by a used-up token too", () => {
  const { network, admission, newToken, tokens, open, pool } = setUpAdmission(2);
  const token = newToken({ uses: 1 });
  const node = network.node();
  const first = enrolled(admission.admit(requestOf(node, token)));
  for (const each of [admission, open(new SmallPool(20))]) {
    assert.deepEqual(enrolled(each.admit(requestOf(node, token, { name: "other" }))), first);
  }
  assert.equal(tokens.get(token.tokenId)?.used, 1);
  assert.equal(admission.admit(requestOf(network.node(), token)), "refused:token");
  assert.equal(pool.taken.size, 1);
});

Deno.test("Admission.admit() refuses wrong keys, wrong tokens and a full pool", () => {
  const { network, admission, newToken, pool, tokens } = setUpAdmission(3, 1);
  const token = newToken();
  const [node, other] = [network.node(), network.node()];
  const admit = (by: NodeIdentity, fields: Partial<AdmissionRequest> = {}) =>
    admission.admit(requestOf(by, token, fields));
  assert.equal(admit(node, { remotePublicKey: other.publicKey }), "refused:key-mismatch");
  assert.equal(admit(node, { tokenId: "0".repeat(32) }), "refused:token");
  assert.equal(admit(node, { secret: newToken().secret }), "refused:token");
  enrolled(admit(node));
  const withOtherKey = { verifyingKey: other.signingKey.verifyingKey };
  assert.equal(admit(node, withOtherKey), "refused:other-identity");
  const used = tokens.get(token.tokenId)?.used;
  assert.equal(admit(other), "refused:no-address");
  assert.equal(tokens.get(token.tokenId)?.used, used, "nothing was counted");
  enrolled(admission.revoke(node.publicKey));
  assert.equal(pool.taken.size, 0);
  assert.equal(admit(node), "refused:revoked");
  assert.equal(enrolled(admit(other)).name, "web", "name and address are free again");
});

Deno.test("Admission.admit() leaves out a statement that is not the machine's own", () => {
  const { network, admission, newToken, roster } = setUpAdmission(4);
  const [node, other] = [network.node(), network.node()];
  const record = enrolled(admission.admit(requestOf(node, newToken(), { statement: stated(other, 1) })));
  assert.equal(roster.get(record.nodeId)?.statement, undefined);
});

Deno.test("Admission.admit() leaves nothing behind at whichever write the store fails", () => {
  const { network, admission, newToken, roster, store, pool, tokens } = setUpAdmission(5);
  const token = newToken({ uses: 1 });
  const node = network.node();
  const put = store.put.bind(store);
  let failAt = 0;
  for (;; failAt++) {
    let writes = 0;
    store.put = (collection, key, value) => {
      if (writes++ === failAt) throw new StateError("the disk is full");
      put(collection, key, value);
    };
    try {
      enrolled(admission.admit(requestOf(node, token)));
      break;
    } catch (error) {
      assert.ok(error instanceof StateError);
    }
    assert.equal(roster.members().length, 0);
    assert.equal(store.entries("record").length + store.entries("statement").length, 0);
    assert.equal(pool.taken.size, 0);
    assert.equal(tokens.get(token.tokenId)?.used, 0);
  }
  assert.ok(failAt >= 4, `${failAt} writes`);
  assert.equal(roster.members().length, 1);
});

Deno.test("Admission.addDevice() adds a device once, and changes it when asked again", () => {
  const { network, admission, roster } = setUpAdmission(6);
  const { publicKey } = network.node();
  const endpoint = Endpoint.parse("192.0.2.9:51820") ?? assert.fail();
  const first = enrolled(
    admission.addDevice({ name: "phone", publicKey, endpoint, persistentKeepaliveSeconds: 25 }),
  );
  assert.deepEqual([first.roles, first.endpoint, first.persistentKeepaliveSeconds], [
    ["wireguard"],
    endpoint,
    25,
  ]);
  const allowedIps = [Cidr.parse("192.168.7.0/24") ?? assert.fail()];
  const second = enrolled(admission.addDevice({ name: "tablet", publicKey, allowedIps }));
  assert.deepEqual([second.name, second.addresses, second.version], ["phone", first.addresses, 2]);
  assert.equal(second.endpoint, undefined);
  assert.deepEqual(roster.byName("phone")?.record, second);
  assert.throws(
    () => admission.addDevice({ name: "x", publicKey: network.node().publicKey, labels: { "": "" } }),
    RangeError,
  );
});

Deno.test("Admission.revoke() revokes a member once, and nobody who is none", () => {
  const { network, admission, newToken, roster } = setUpAdmission(7);
  const { publicKey } = enrolled(admission.admit(requestOf(network.node(), newToken())));
  const revoked = enrolled(admission.revoke(publicKey));
  assert.deepEqual([revoked.revoked, revoked.version], [true, REMOVAL_VERSION]);
  assert.ok(roster.isRevoked(publicKey));
  assert.equal(admission.revoke(publicKey), undefined);
  assert.equal(admission.revoke(network.node().publicKey), undefined);
});

const DAY_MS = 86_400_000;

Deno.test("Admission.renewDue() signs anew, for those who are there, what is good for 60 days or less", () => {
  const { network, clock, roster, admission, newToken } = setUpAdmission(20);
  const [here, away] = [network.node(), network.node()];
  for (const node of [here, away]) admission.admit(requestOf(node, newToken()));
  admission.addDevice({ name: "phone", publicKey: network.node().publicKey });
  const isHere = (id: string) => id === here.id;
  assert.deepEqual(admission.renewDue(isHere), []);
  clock.advance(30 * DAY_MS);
  const renewed = admission.renewDue(isHere).map(({ record }) => record);
  assert.deepEqual(renewed.map(({ roles }) => roles[0]).sort(), ["member", "wireguard"]);
  for (const { expiresAt, version } of renewed) {
    assert.deepEqual([expiresAt, version], [START + 120 * DAY_MS, 2]);
  }
  assert.deepEqual(admission.renewDue(isHere), []);
  // Half a year later, with a leader that is always there.
  for (let day = 0; day < 180; day++) {
    clock.advance(DAY_MS);
    admission.renewDue(isHere);
    roster.handleTimeout();
    assert.ok(roster.get(here.id), `day ${day}`);
  }
  assert.equal(roster.get(away.id), undefined);
  const known = roster.recordById(away.id) ?? assert.fail();
  assert.ok(typeof admission.renew(known) === "object", "it has come back");
  assert.ok(roster.get(away.id));
});

Deno.test("Admission.renewDue() signs anew what a clock that was ahead has dated", () => {
  const { network, clock, admission, newToken } = setUpAdmission(21);
  const node = network.node();
  clock.advance(3_600_000);
  // Both clocks are ahead.
  const { statement: _, ...request } = requestOf(node, newToken());
  admission.admit(request);
  const late = new VirtualClock(START);
  Object.defineProperty(clock, "wall", { value: () => late.wall() });
  assert.deepEqual(admission.renewDue(() => true).map(({ record }) => [record.issuedAt, record.version]), [[
    START,
    2,
  ]]);
});

Deno.test("Admission.rotate() gives new keys the old one's name, address and roles, once, to nobody else", () => {
  const { network, roster, admission, newToken } = setUpAdmission(22);
  const [node, next, thief] = [network.node(), network.node(), network.node()];
  const enrolled = admission.admit(requestOf(node, newToken(), { name: "web" }));
  assert.ok(typeof enrolled === "object");
  const { record: from } = enrolled;
  const rotation = rotationTo(node.id, next, stated(next, 1, "192.0.2.5:1"));
  assert.equal(admission.rotate(from, { ...rotation, publicKey: thief.publicKey }), "refused:key-mismatch");
  assert.equal(admission.rotate(from, rotationTo(thief.id, next)), "refused:key-mismatch");
  const both = admission.rotate(from, rotation);
  assert.ok(typeof both === "object" && !("retryAfterMs" in both));
  const [added, old] = both.map(({ record }) => record);
  assert.deepEqual([added?.name, added?.addresses, added?.roles], ["web", from.addresses, from.roles]);
  assert.deepEqual([old?.revoked, old?.successor], [true, next.id]);
  assert.equal(roster.byName("web")?.record.nodeId, next.id);
  assert.equal(roster.get(next.id)?.statement?.endpoints.join(), "192.0.2.5:1");
  const revoked = roster.recordById(node.id) ?? assert.fail();
  assert.deepEqual(admission.rotate(revoked, rotation), both, "its answer was lost");
  assert.equal(admission.rotate(revoked, rotationTo(node.id, thief)), "refused:revoked");
  // The address is still taken.
  const other = admission.admit(requestOf(network.node(), newToken()));
  assert.ok(typeof other === "object");
  assert.notDeepEqual(other.record.addresses, from.addresses);
});

Deno.test("Admission.admit() gives out again the address that another leader has freed, when nothing else is left", () => {
  const { network, roster, admission, newToken } = setUpAdmission(23, 2);
  const nodes = [network.node(), network.node(), network.node()];
  const [a, b, c] = nodes.map((node) => requestOf(node, newToken())) as [
    AdmissionRequest,
    AdmissionRequest,
    AdmissionRequest,
  ];
  const first = admission.admit(a);
  assert.ok(typeof first === "object");
  admission.admit(b);
  assert.equal(admission.admit(c), "refused:no-address");
  roster.merge(network.signed(nodes[0] as NodeIdentity, { ...first.record, version: 2, revoked: true }));
  const third = admission.admit(c);
  assert.ok(typeof third === "object");
  assert.deepEqual(third.record.addresses, first.record.addresses);
});
