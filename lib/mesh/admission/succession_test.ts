import assert from "node:assert/strict";
import { MeshFixture } from "../testing/mesh_fixture.ts";
import { RECORD_LABEL } from "../records/member_record.ts";
import { PLAIN_READER } from "../records/signed_reader.ts";
import { signPayload } from "../records/signed.ts";
import { NodeIdentity } from "../identity/identity.ts";
import { readSuccession, signSuccession } from "./succession.ts";

/** A leader that has gone on under new keys, and a member that knows the former ones. */
function setUp(seed: number) {
  const fixture = new MeshFixture(seed);
  let lead = fixture.create();
  const web = fixture.join(lead, "web");
  fixture.sync(lead, web);
  const former = lead.identity;
  const rotation = lead.prepareRotation({ endpoints: [], channelEndpoints: [], labels: {} });
  assert.ok(Array.isArray(lead.admission?.rotate(lead.record, rotation)));
  assert.ok(lead.adoptRotation());
  lead = fixture.load(lead);
  const shown = lead.succession ?? assert.fail();
  const { publicKey, id: nodeId } = lead.identity;
  const known = { roster: web.roster, verifyingKey: web.network.verifyingKey };
  return { fixture, lead, web, former, shown, caller: { publicKey, nodeId }, known };
}

Deno.test("readSuccession() takes a member's new record that its former key and the network's have signed", () => {
  const { shown, caller, known, web, lead } = setUp(31);
  const record = readSuccession(shown, caller, known) ?? assert.fail();
  web.replica.merge({ records: [record], statements: [], entries: [] });
  assert.equal(web.roster.get(lead.identity.id)?.record.name, "a");
  assert.equal(web.roster.members().length, 2);
  assert.equal(readSuccession(shown, caller, known), undefined, "it is known");
});

Deno.test("readSuccession() takes nothing that one of both keys alone has signed, and nothing for another", () => {
  const { shown, caller, known, web, lead, former, fixture } = setUp(32);
  const other = NodeIdentity.generate(fixture.random);
  const signingKey = lead.leadership.signingKey ?? assert.fail();
  const record = PLAIN_READER.record(shown.record.payload) ?? assert.fail();
  const byOther = signPayload(RECORD_LABEL, shown.record.payload, other.signingKey);
  const cases = {
    "the network's key alone: another member's former key": signSuccession(
      other,
      lead.identity,
      shown.record,
    ),
    "the former key alone": signSuccession(former, lead.identity, byOther),
    "a flipped bit of the endorsement": { ...shown, endorsement: shown.endorsement.with(3, 255) },
    "another former id": { ...shown, formerId: web.identity.id },
    "an id that nobody knows": { ...shown, formerId: other.id },
    "a record of other keys": signSuccession(
      former,
      other,
      web.roster.signedRecord(web.identity.id) ?? assert.fail(),
    ),
  };
  for (const [name, shown] of Object.entries(cases)) {
    assert.equal(readSuccession(shown, caller, known), undefined, name);
  }
  assert.equal(readSuccession(shown, { ...caller, publicKey: other.publicKey }, known), undefined);
  assert.equal(readSuccession(shown, { ...caller, nodeId: other.id }, known), undefined);
  assert.ok(record.chain !== undefined && signingKey !== undefined);
  assert.ok(readSuccession(shown, caller, known));
});

Deno.test("readSuccession() takes nobody whose former keys were removed or replaced meanwhile", () => {
  const removed = setUp(33);
  const { lead, web, former, fixture } = removed;
  const witness = fixture.join(lead, "db");
  fixture.promote(lead, witness);
  assert.ok(witness.admission?.revoke(lead.identity.publicKey));
  web.replica.merge(witness.replica.snapshot());
  assert.ok(web.roster.isRevoked(former.publicKey));
  assert.equal(readSuccession(removed.shown, removed.caller, removed.known), undefined);

  const replaced = setUp(34);
  replaced.web.replica.merge(replaced.lead.replica.snapshot());
  assert.equal(readSuccession(replaced.shown, replaced.caller, replaced.known), undefined);
});
