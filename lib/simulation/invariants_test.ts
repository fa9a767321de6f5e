import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, unixMillis, VirtualClock } from "../base/mod.ts";
import {
  generateNetwork,
  type MemberRecord,
  NO_GRANTS,
  NodeIdentity,
  PLAIN_READER,
  Roster,
  signRecord,
} from "../mesh/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { Invariants } from "./invariants.ts";

function setUp() {
  const random = new SeededRandom(1);
  const network = generateNetwork(random);
  const clock = new VirtualClock(1_700_000_000_000);
  const reader = { ...PLAIN_READER, isSignedBy: () => true };
  const { id: networkId, verifyingKey } = network;
  const roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock, reader });
  const add = (host: number, fields: Partial<MemberRecord> = {}, { signingKey } = network) => {
    const { id: nodeId, publicKey, signingKey: { verifyingKey } } = NodeIdentity.generate(random);
    const issuedAt = unixMillis(clock.wall());
    roster.merge(signRecord({
      networkId,
      nodeId,
      name: `n-${host}`,
      publicKey,
      verifyingKey,
      addresses: [IpAddress.fromBytes(Uint8Array.of(10, 200, 0, host))],
      allowedIps: [],
      labels: {},
      grants: NO_GRANTS,
      roles: ["member"],
      version: 1,
      issuedAt,
      expiresAt: unixMillis(issuedAt + 1_000_000),
      revoked: false,
      ...fields,
    }, signingKey));
  };
  const violations = () => new Invariants(verifyingKey).violationsOf(roster);
  return { random, add, violations };
}

Deno.test("Invariants.violationsOf() finds nothing in a sound roster", () => {
  const { add, violations } = setUp();
  for (let host = 1; host < 5; host++) add(host);
  assert.deepEqual(violations(), []);
});

Deno.test("Invariants.violationsOf() finds members that share a name or an address", () => {
  const { add, violations } = setUp();
  add(1);
  add(2, { name: "n-1" });
  add(1, { name: "n-3" });
  const found = violations();
  assert.equal(found.length, 2, found.join());
  assert.match(found.join(), /share the name n-1/);
  assert.match(found.join(), /share the address 10\.200\.0\.1/);
});

Deno.test("Invariants.violationsOf() finds a member that the network's key has not signed", () => {
  const { random, add, violations } = setUp();
  add(1, {}, generateNetwork(random));
  assert.match(violations().join(), /nobody has signed/);
});
