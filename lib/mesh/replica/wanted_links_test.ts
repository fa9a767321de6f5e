import assert from "node:assert/strict";
import { encodeHex, randomBytes, randomUint32, SeededRandom } from "../../base/mod.ts";
import type { NodeId } from "../identity/identity.ts";
import type { MemberRecord } from "../records/member_record.ts";
import { linkCandidates, LinkChoice, wantedLinks } from "./wanted_links.ts";

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

Deno.test("LinkChoice says what wantedLinks() says, whoever comes, goes, leads or does not answer", () => {
  for (const count of [10, 17, 30, 90, 400]) {
    const [self, ...others] = members(count, 2);
    const there = new Map(others.map((member) => [member.nodeId, member]));
    let looks = 0;
    const choice = new LinkChoice(idOf(self), () => {
      looks++;
      return linkCandidates(there.values());
    });
    const unreachable = new Set<NodeId>();
    const pick = () => [...there.values()][randomUint32(random) % there.size] ?? assert.fail();
    for (let turn = 0; turn < 300; turn++) {
      const what = randomUint32(random) % 5;
      const [fresh] = members(1, 0);
      if (what === 0 && fresh) {
        there.set(fresh.nodeId, fresh);
        choice.put(fresh);
      } else if (what === 1 && there.size > 5) {
        const { nodeId } = pick();
        there.delete(nodeId);
        choice.delete(nodeId);
      } else if (what === 2) {
        const member = pick();
        const isLeader = member.roles.includes("leader");
        const other: MemberRecord = { ...member, roles: isLeader ? ["member"] : ["leader", "member"] };
        there.set(member.nodeId, other);
        choice.put(other);
      } else if (what === 3) unreachable.add(choice.wanted(unreachable).at(-1) ?? idOf(self));
      else unreachable.clear();
      const expected = wantedLinks(idOf(self), there.values(), unreachable).sort();
      assert.deepEqual(choice.wanted(unreachable).sort(), expected, `${count} members, turn ${turn}`);
    }
    assert.ok(looks < 30, `all were looked at ${looks} times`);
  }
});
