import assert from "node:assert/strict";
import { StateError } from "../../base/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { Admission } from "./admission.ts";
import type { AdmissionRequest } from "./enrolment.ts";
import { rotationTo } from "./key_rotation.ts";
import { AuditLog } from "./audit_log.ts";
import type { RecordEntry } from "../replica/mod.ts";
import { enrolled, requestOf, setUpAdmission } from "../testing/admission_fixture.ts";
import { SmallPool } from "../testing/test_network.ts";
import type { NewToken } from "./token_book.ts";

Deno.test("Admission.admit() gives the address that is asked for, if the token allows it and this leader gives it out", () => {
  const { network, pool, admission, newToken } = setUpAdmission(31, 9);
  const at = (text: string) => ({ address: IpAddress.parse(text) ?? assert.fail() });
  const ask = (terms: Partial<NewToken>, fields: Partial<AdmissionRequest>) =>
    admission.admit(requestOf(network.node(), newToken(terms), fields));
  const first = (result: RecordEntry | string) => String(enrolled(result).addresses[0]);
  assert.equal(first(ask({ address: "any" }, at("10.200.0.7"))), "10.200.0.7");
  assert.equal(first(ask({ address: "10.200.0.8", uses: 1 }, {})), "10.200.0.8", "the token's own, unasked");
  assert.equal(first(ask({ address: "10.200.0.9", uses: 1 }, at("10.200.0.9"))), "10.200.0.9");
  assert.equal(ask({}, at("10.200.0.5")), "refused:address-not-allowed");
  assert.equal(ask({ address: "10.200.0.6", uses: 1 }, at("10.200.0.5")), "refused:address-not-allowed");
  assert.equal(ask({ address: "any" }, at("10.200.0.7")), "refused:address-taken");
  assert.equal(ask({ address: "any" }, at("10.200.3.7")), "refused:address-not-here");
  assert.deepEqual([...pool.taken], ["10.200.0.7", "10.200.0.8", "10.200.0.9"]);
});

Deno.test("Admission.approve() makes a member of a machine that waits, and then its token lets it in", () => {
  const { network, admission, newToken, tokens } = setUpAdmission(32);
  const token = newToken({ needsApproval: true, uses: 1, labels: { role: "web" }, ephemeralMs: 60_000 });
  const node = network.node();
  assert.equal(admission.admit(requestOf(node, token, { secret: newToken().secret })), "refused:token");
  assert.deepEqual(admission.approvals.list(), [], "whoever has no secret does not wait");
  assert.equal(admission.admit(requestOf(node, token)), "pending");
  const [waiting = assert.fail()] = admission.approvals.list();
  const record = enrolled(admission.approve(waiting));
  assert.deepEqual([record.labels, record.ephemeralMs, record.name], [{ role: "web" }, 60_000, "web"]);
  assert.deepEqual(admission.approvals.list(), []);
  assert.deepEqual(enrolled(admission.admit(requestOf(node, token))), record);
  assert.equal(tokens.get(token.tokenId)?.usesLeft, 0);
  const late = { ...waiting, tokenId: token.tokenId, publicKey: network.node().publicKey };
  assert.equal(admission.approve(late), "refused:token", "it is used up");
});

Deno.test("Admission.rename() and readdress() change what is free, and free what was had", () => {
  const { network, roster, pool, admission, newToken } = setUpAdmission(33, 9);
  const at = (text: string) => IpAddress.parse(text) ?? assert.fail();
  const [a, b] = [1, 2].map(() => enrolled(admission.admit(requestOf(network.node(), newToken()))));
  assert(a !== undefined && b !== undefined);
  for (const name of ["", "Web", "a.b", network.node().id]) {
    assert.equal(admission.rename(a, name), "refused:name", name);
  }
  assert.equal(admission.rename(a, b.name), "refused:name-taken");
  const renamed = enrolled(admission.rename(a, "shop"));
  assert(renamed.version > a.version);
  assert.deepEqual(enrolled(admission.rename(renamed, "shop")), renamed, "nothing to sign");
  assert.equal(roster.byName("web"), undefined);
  assert.equal(enrolled(admission.admit(requestOf(network.node(), newToken()))).name, "web");

  assert.equal(admission.readdress(renamed, at("10.200.0.2")), "refused:address-taken");
  assert.equal(admission.readdress(renamed, at("10.200.9.2")), "refused:address-not-here");
  const moved = enrolled(admission.readdress(renamed, at("10.200.0.9")));
  assert.equal(moved.addresses.length, 2);
  assert.equal(roster.byAddress(at("10.200.0.1")), undefined);
  assert(!pool.taken.has("10.200.0.1"));
  admission.revoke(moved.publicKey);
  const gone = roster.recordByKey(moved.publicKey) ?? assert.fail();
  assert.equal(admission.rename(gone, "back"), "refused:revoked");
  assert.equal(admission.readdress(gone, at("10.200.0.8")), "refused:revoked");
});

Deno.test("Admission.addDevice() leaves the labels that a leader has given, when it is asked again", () => {
  const { network, admission } = setUpAdmission(37);
  const { publicKey } = network.node();
  const first = enrolled(admission.addDevice({ name: "phone", publicKey }));
  enrolled(admission.amend(first, { labels: { owner: "ann" } }));
  assert.deepEqual(enrolled(admission.addDevice({ name: "phone", publicKey })).labels, { owner: "ann" });
});

Deno.test("Admission signs records of ephemeral members for a week and the time they may be away", () => {
  const { network, clock, admission, newToken } = setUpAdmission(34);
  const day = 86_400_000;
  const record = enrolled(
    admission.admit(requestOf(network.node(), newToken({ ephemeralMs: day }))),
  );
  assert.equal(record.expiresAt - record.issuedAt, 8 * day);
  clock.advance(2 * day);
  assert.deepEqual(admission.renewDue(() => true), []);
  clock.advance(day);
  assert.equal(admission.renewDue(() => true).length, 1);
});

Deno.test("Admission lets a machine shorten its own life when it joins, and never lengthen it", () => {
  const { network, admission, newToken } = setUpAdmission(37);
  const [day, hour] = [86_400_000, 3_600_000];
  const cases: readonly (readonly [number | undefined, number | undefined, number | undefined])[] = [
    [undefined, undefined, undefined],
    [undefined, hour, hour],
    [day, hour, hour],
    [hour, day, hour],
    [hour, undefined, hour],
  ];
  for (const [given, wished, becomes] of cases) {
    const token = newToken(given === undefined ? {} : { ephemeralMs: given });
    const node = network.node();
    const ask = (ephemeralMs = wished) =>
      enrolled(admission.admit(requestOf(node, token, ephemeralMs === undefined ? {} : { ephemeralMs })));
    const record = ask();
    assert.equal(record.ephemeralMs, becomes);
    assert.equal(ask().version, record.version, "a retry changes nothing");
    assert.equal(ask(10 * day).ephemeralMs, becomes ?? 10 * day);
    assert.equal(ask(1_000).ephemeralMs, 1_000);
  }
  const leader = admission.addLeader({
    ...requestOf(network.node(), newToken()),
    name: "lead",
    labels: {},
  });
  assert(typeof leader === "object");
});

Deno.test("Admission notes what it does in the audit log, in the same transaction", () => {
  const { network, store, clock, roster, pool, tokens, newToken } = setUpAdmission(35);
  const audit = new AuditLog(store, clock);
  const options = { store, roster, tokens, network: network.identity, clock, addresses: pool, audit };
  const admission = new Admission(options);
  const token = newToken();
  const node = network.node();
  const first = enrolled(admission.admit(requestOf(node, token, { from: "192.0.2.1:1" })));
  assert.deepEqual(enrolled(admission.admit(requestOf(node, token))), first);
  const [joined, ...more] = audit.list({ limit: 10 });
  assert.deepEqual(more, [], "a retry changes nothing");
  assert.deepEqual(joined?.by, { kind: "token", id: token.tokenId });
  assert.deepEqual(joined?.detail, { address: "10.200.0.1", from: "192.0.2.1:1" });
  const none = new SmallPool(1);
  none.setSlices([]);
  const broken = new Admission({ ...options, addresses: none });
  assert.equal(broken.admit(requestOf(network.node(), token)), "refused:no-address");
  assert.equal(audit.list({ limit: 10 }).length, 1, "what is undone leaves no entry");
  const heir = network.node();
  const both = admission.rotate(first, rotationTo(first.nodeId, heir));
  assert(typeof both === "object");
  assert.deepEqual(audit.list({ limit: 10 }).map(({ kind }) => kind), ["joined", "rotated"]);
});

Deno.test("Admission and its audit log agree at whichever write the store fails", () => {
  const { network, clock, store, roster, pool, tokens, newToken } = setUpAdmission(36);
  const audit = new AuditLog(store, clock);
  const admission = new Admission({
    store,
    roster,
    tokens,
    network: network.identity,
    clock,
    addresses: pool,
    audit,
  });
  const member = enrolled(admission.admit(requestOf(network.node(), newToken())));
  const waitingToken = newToken({ needsApproval: true });
  const put = store.put.bind(store);
  const machine = network.node();
  assert.equal(admission.admit(requestOf(machine, waitingToken)), "pending");
  const [waiting = assert.fail()] = admission.approvals.list();
  const acts: readonly (readonly [string, () => unknown])[] = [
    ["joined", () => enrolled(admission.approve(waiting))],
    ["renamed", () => enrolled(admission.rename(roster.recordById(member.nodeId) ?? member, "shop"))],
    ["removed", () => admission.revoke(member.publicKey) ?? assert.fail()],
  ];
  for (const [kind, act] of acts) {
    const before = audit.list({ limit: 99 }).length;
    const records = JSON.stringify(roster.allRecords().map(({ version, revoked }) => [version, revoked]));
    for (let failAt = 0;; failAt++) {
      let writes = 0;
      store.put = (collection, key, value) => {
        if (writes++ === failAt) throw new StateError("the disk is full");
        put(collection, key, value);
      };
      try {
        act();
        break;
      } catch (error) {
        assert(error instanceof StateError, String(error));
      }
      assert.equal(audit.list({ limit: 99 }).length, before, `${kind}, write ${failAt}`);
      assert.equal(
        JSON.stringify(roster.allRecords().map(({ version, revoked }) => [version, revoked])),
        records,
      );
    }
    store.put = put;
    assert.equal(audit.list({ limit: 99 }).at(-1)?.kind, kind);
    assert.equal(audit.list({ limit: 99 }).length, before + 1);
  }
});
