import assert from "node:assert/strict";
import { goneServers, readMetaGroup } from "./meta_group.ts";

const unknown = {
  name: "Server name unknown at this time (peerID: 94VMdTSQ)",
  peer: "94VMdTSQ",
  offline: true,
};
const group = (...others: readonly object[]) =>
  readMetaGroup({ data: { meta_cluster: { leader: "a", replicas: others } } }) ?? assert.fail();
const there = (name: string) => ({ name, current: true, peer: `id-${name}` });
const away = (name: string) => ({ ...there(name), current: false, offline: true });
const members = new Set(["a", "b", "d"]);

Deno.test("goneServers() are those that are away and no members, once every member is there", () => {
  const gone = goneServers(group(there("b"), unknown, there("d")), members);
  assert.deepEqual(gone, [unknown]);
  assert.deepEqual(goneServers(group(there("b"), away("c"), there("d")), members)?.map(({ peer }) => peer), [
    "id-c",
  ]);
  assert.deepEqual(goneServers(group(there("b"), there("d")), members), []);
});

Deno.test("goneServers() decides nothing while a member is away or unknown, or a stranger is there", () => {
  for (
    const others of [
      [there("b"), unknown],
      [there("b"), unknown, away("d")],
      [away("b"), unknown, there("d")],
      [there("b"), there("c"), there("d")],
      [],
    ]
  ) {
    assert.equal(goneServers(group(...others), members), undefined, JSON.stringify(others));
  }
  const leaderless = readMetaGroup({
    data: { meta_cluster: { replicas: [there("a"), there("b"), there("d")] } },
  });
  assert.equal(goneServers(leaderless ?? assert.fail(), members), undefined);
});

Deno.test("readMetaGroup() takes nothing that is not as it should be", () => {
  for (const answer of [undefined, null, 1, {}, { data: null }, { data: {} }]) {
    assert.equal(readMetaGroup(answer), undefined);
  }
  for (const meta of [null, [], { leader: 1, replicas: 2 }, { replicas: [null, 1, { name: 2 }] }]) {
    assert.deepEqual(readMetaGroup({ data: { meta_cluster: meta } }), { leader: "", others: [] });
  }
});
