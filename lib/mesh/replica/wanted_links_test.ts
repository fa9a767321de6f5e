import assert from "node:assert/strict";
import { encodeHex, randomBytes, SeededRandom } from "../../base/mod.ts";
import type { NodeId } from "../identity/identity.ts";
import type { MemberRecord } from "../records/member_record.ts";
import { wantedLinks } from "./wanted_links.ts";

const random = new SeededRandom(5);
const verifyingKey = {};

function members(count: number, leaders: number, devices = 0): MemberRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const nodeId = encodeHex(randomBytes(random, 16)) as NodeId;
    const roles = i < leaders ? ["leader", "member"] : ["member"];
    return { nodeId, roles, ...i < count - devices && { verifyingKey } } as unknown as MemberRecord;
  });
}

function idOf(member: MemberRecord | undefined): NodeId {
  return member?.nodeId ?? assert.fail();
}

Deno.test("wantedLinks() gives everybody in a small network, but neither devices nor oneself", () => {
  const all = members(17, 1, 2);
  const expected = all.slice(1, 15).map(idOf).sort();
  assert.deepEqual(wantedLinks(idOf(all[0]), all).sort(), expected);
});

Deno.test("wantedLinks() gives all leaders and five members in a large network, and every part has a link out", () => {
  const all = members(500, 3);
  const leaders = all.slice(0, 3).map(idOf);
  const linked = new Map(all.map((member) => [idOf(member), new Set<NodeId>()]));
  for (const member of all) {
    const self = idOf(member);
    const wanted = wantedLinks(self, all);
    assert.deepEqual(wanted.filter((id) => leaders.includes(id)), leaders.filter((id) => id !== self));
    const others = wanted.filter((id) => !leaders.includes(id));
    assert.ok(others.length >= 4 && others.length <= 5, `${others.length}`);
    assert.deepEqual(wantedLinks(self, all.toReversed()).sort(), wanted.sort(), "in whatever order");
    for (const other of others) {
      linked.get(self)?.add(other);
      linked.get(other)?.add(self);
    }
  }
  // Leaders left out: members alone hold together.
  const seen = new Set([idOf(all[3])]);
  for (const id of seen) for (const next of linked.get(id) ?? []) seen.add(next);
  const reached = [...seen].filter((id) => !leaders.includes(id)).length;
  assert.equal(reached, 497);
  const most = Math.max(...[...linked.values()].map(({ size }) => size));
  assert.ok(most < 25, `${most} links on one member`);
});

Deno.test("wantedLinks() takes others in place of members that do not answer, and changes nothing else", () => {
  const all = members(100, 2);
  const self = idOf(all[50]);
  const before = wantedLinks(self, all);
  const gone = before[2] ?? assert.fail();
  const after = wantedLinks(self, all, new Set([gone]));
  assert.ok(!after.includes(gone));
  assert.ok(before.filter((id) => id !== gone).every((id) => after.includes(id)));
  assert.equal(after.length, before.length);
  const leader = before[0] ?? assert.fail();
  assert.ok(wantedLinks(self, all, new Set([leader])).includes(leader));
});
