import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock } from "../../base/mod.ts";
import { decodeMeshMessage, encodeJoinRequest, MeshState, type NodeId } from "../../mesh/mod.ts";
import { SmallPool, START } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import { removeGone } from "./member_care.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const HOUR_MS = 3_600_000;

Deno.test("removeGone() removes a machine whose join nobody has heard of again, by any leader, and the audit log says so", () => {
  const clock = new VirtualClock(START);
  const random = new SeededRandom(6);
  const options = { random, clock, addressPool: () => new SmallPool(200) };
  const leader = MeshState.create(new MemoryStateStore(), { ...options, name: "lead", cidr });
  const join = (name: string): NodeId => {
    const identity = MeshState.prepareJoin(new MemoryStateStore(), random);
    const token = leader.tokens?.create({
      networkId: leader.network.id,
      leaderPublicKey: leader.identity.publicKey,
      endpoints: [],
      cidr,
      lifetimeMs: HOUR_MS,
    }) ?? assert.fail();
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert.equal(asked?.kind, "join-request");
    const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
    const enrolled = leader.admission?.admit(request);
    assert(typeof enrolled === "object");
    leader.leadership.arrivals?.expect(enrolled.record);
    return enrolled.record.nodeId;
  };
  const [lost, here] = [join("lost"), join("here")];
  const address = `${leader.roster.get(lost)?.record.addresses[0]}`;
  for (let passed = 0; passed <= HOUR_MS; passed += 10_000) {
    removeGone(leader, (nodeId) => nodeId === here, { isElected: false, log: silentLogger });
    clock.advance(10_000);
  }
  assert.equal(leader.roster.get(lost), undefined);
  assert(leader.roster.get(here));
  const [removed, ...others] = (leader.leadership.audit?.list({ limit: 100 }) ?? [])
    .filter(({ kind }) => kind === "expired");
  assert.deepEqual(others, []);
  assert.equal(removed?.node?.name, "lost");
  assert.deepEqual(removed.by, { kind: "agent" });
  assert.match(removed.detail?.reason ?? "", /nobody has seen it since/);
  // What it had is free.
  const again = join("lost");
  assert.equal(leader.roster.get(again)?.record.name, "lost");
  assert(address !== "undefined");
});
