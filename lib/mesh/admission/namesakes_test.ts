import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { Roster } from "../replica/roster.ts";
import { enrolled, requestOf, setUpAdmission } from "../testing/admission_fixture.ts";
import { address, START, TestNetwork } from "../testing/test_network.ts";

/** A leader that knows two members of one name: of two leaders that could not see each other. */
function setUpNamesakes(seed: number, otherNamedLaterMs: number) {
  const fixture = setUpAdmission(seed);
  const { network, roster, admission, newToken, clock } = fixture;
  const other = network.node();
  const named = { name: "web", namedAt: clock.wall(), addresses: [address("10.200.0.9")] };
  const own = enrolled(admission.admit(requestOf(network.node(), newToken())));
  roster.merge(network.signed(other, { ...named, namedAt: START + otherNamedLaterMs as typeof START }));
  return { ...fixture, own: own.nodeId, other: other.id };
}

Deno.test("Admission.settleNames() calls whoever was given a name later something else, and says what it was", () => {
  for (const laterMs of [-5_000, 5_000]) {
    const { admission, roster, own, other } = setUpNamesakes(31, laterMs);
    const [keeps, loses] = laterMs < 0 ? [other, own] : [own, other];
    assert.deepEqual(roster.holdersOfName("web").map(({ nodeId }) => nodeId), [keeps, loses]);
    assert.equal(roster.byName("web")?.record.nodeId, keeps);
    const [entry, ...more] = admission.settleNames();
    assert.deepEqual([entry?.record.nodeId, entry?.record.name, entry?.record.formerName, more.length], [
      loses,
      "web-2",
      "web",
      0,
    ]);
    assert.deepEqual(roster.namesakes(), []);
    assert.deepEqual(admission.settleNames(), [], "once");
    assert.equal(roster.byName("web")?.record.nodeId, keeps);
  }
});

Deno.test("Roster tells who keeps a name alike, in whatever order it has heard of them", () => {
  const network = new TestNetwork(32);
  const { id: networkId, verifyingKey } = network.identity;
  // One of the former release says not when it was named, and was there before.
  const named = [{ namedAt: START }, { namedAt: START }, {}, { namedAt: START - 1 as typeof START }];
  const signed = named.map((fields, i) =>
    network.signed(network.node(), { name: "web", addresses: [address(`10.200.0.${i + 2}`)], ...fields })
  );
  const orders = [signed, signed.toReversed(), [...signed.slice(2), ...signed.slice(0, 2)]].map((records) => {
    const roster = new Roster(new MemoryStateStore(), {
      networkId,
      verifyingKey,
      clock: new VirtualClock(START),
    });
    for (const record of records) roster.merge(record);
    return roster.holdersOfName("web").map(({ nodeId }) => nodeId);
  });
  assert.equal(new Set(orders.map((order) => order.join())).size, 1);
  assert.equal(orders[0]?.length, 4);
});

Deno.test("Admission.rename() has the last word on a member that was called something else", () => {
  const { admission, roster, own } = setUpNamesakes(33, -5_000);
  admission.settleNames();
  const renamed = roster.recordById(own) ?? assert.fail();
  assert.equal(renamed.formerName, "web");
  const kept = enrolled(admission.rename(renamed, "web-2"));
  assert.deepEqual([kept.name, kept.formerName], ["web-2", undefined], "that name for good");
  const again = enrolled(admission.amend(renamed, { labels: { a: "b" } }));
  assert.equal(again.formerName, "web", "other acts say nothing of the name");
  assert.equal(enrolled(admission.rename(renamed, "shop")).formerName, undefined);
});

Deno.test("Admission.admit() refuses a machine whose clock is too far from this one", () => {
  const { network, admission, newToken, clock, tokens } = setUpAdmission(34);
  const token = newToken({ uses: 1 });
  const request = requestOf(network.node(), token);
  clock.advance(600_001);
  assert.equal(admission.admit(request), "refused:clock");
  assert.equal(tokens.get(token.tokenId)?.used, 0, "its token is as good as before");
  const { statement: _, ...silent } = request;
  enrolled(admission.admit(silent));
});
