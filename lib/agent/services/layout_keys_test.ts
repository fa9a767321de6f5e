import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { type NodeIdentity, RECORD_LABEL, Replica, signPayload } from "../../mesh/mod.ts";
import { START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { asPeerId } from "../peers/mod.ts";
import { MemberLayoutKeys } from "./layout_keys.ts";

const DIGEST = new Uint8Array(32).fill(7);

Deno.test("a layout's signature is its home's, in its network, and of a layout alone", () => {
  const network = new TestNetwork(41);
  const { id: networkId, verifyingKey } = network.identity;
  const clock = new VirtualClock(START);
  const { roster } = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
  const [home, other, stranger] = [network.node(), network.node(), network.node()];
  for (const [i, node] of [home, other].entries()) {
    assert.equal(roster.merge(network.signed(node, { name: `n${i}` })), "added");
  }
  const keysOf = (identity: NodeIdentity, of = network) =>
    new MemberLayoutKeys({ roster, identity, network: of.identity });
  const reader = keysOf(other);
  const isHomes = (signature: Uint8Array) => reader.isSignedBy(asPeerId(home.id), DIGEST, signature);
  const signature = keysOf(home).sign(DIGEST);
  assert.equal(signature.length, 64);
  assert.equal(isHomes(signature), true);
  assert.equal(reader.isSignedBy(asPeerId(other.id), DIGEST, signature), false);
  assert.equal(reader.isSignedBy(asPeerId(home.id), DIGEST.with(0, 1), signature), false);
  assert.equal(isHomes(keysOf(other).sign(DIGEST)), false);
  assert.equal(isHomes(keysOf(home, new TestNetwork(42)).sign(DIGEST)), false);
  assert.equal(isHomes(signPayload(RECORD_LABEL, DIGEST, home.signingKey).signature), false);
  assert.equal(isHomes(new Uint8Array(3)), false);
  assert.equal(reader.isSignedBy(asPeerId(stranger.id), DIGEST, keysOf(stranger).sign(DIGEST)), undefined);
  // What it has signed is there to be checked when it is gone: who takes over needs that.
  roster.merge(network.signed(home, { name: "n0", revoked: true, version: 9 }));
  assert.equal(roster.liveRecord(home.id), undefined);
  assert.equal(isHomes(signature), true);
});
