import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { encodeMeshMessage } from "../wire/mod.ts";
import { NetworkShards, SHARDS } from "../records/network_shard.ts";
import { signEntry, type StateEntry } from "../records/state_entry.ts";
import { type ReplicaUpdate, splitUpdate } from "../records/replica_update.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import { vectorsOf } from "../versions/version_vector.ts";
import { PLAIN_READER, type SignedReader } from "../records/signed_reader.ts";
import { MAX_SHARD_ENTRIES } from "./entry_bounds.ts";
import { Replica } from "./replica.ts";

const DAY_MS = 86_400_000;
/** As many endpoints as a mesh may have, with names of a usual length. */
const MAX_ENDPOINTS = 4096;

/** @param reader one that believes every signature is faster */
function setUp(network: TestNetwork, reader: SignedReader = PLAIN_READER): Replica {
  const { id: networkId, signingKey: { verifyingKey } } = network.identity;
  const clock = new VirtualClock(START);
  return new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock, reader });
}

function endpointEntry(
  network: TestNetwork,
  replica: Replica,
  key: string,
  fields: Partial<StateEntry> = {},
) {
  const { id: networkId, signingKey } = network.identity;
  return signEntry({
    networkId,
    origin: replica.entries.networkOrigin("endpoint", key),
    kind: "endpoint",
    key,
    version: 1,
    issuedAt: START,
    expiresAt: unixMillis(START + DAY_MS),
    isDeleted: false,
    body: new Uint8Array(64),
    ...fields,
  }, signingKey);
}

function offered(replica: Replica, signed: ReturnType<typeof endpointEntry>) {
  return replica.entries.merge(signed);
}

Deno.test("NetworkShards has one origin in each part of the ids, and the same for a key on every node", () => {
  const [first, second] = [new TestNetwork(1), new TestNetwork(2)];
  const shards = NetworkShards.ofNetwork(first.identity.id);
  const origins = [...shards as Iterable<string>];
  assert.equal(new Set(origins).size, SHARDS);
  assert.deepEqual(origins.map((origin) => parseInt(origin.slice(0, 2), 16) >> 2), origins.map((_, i) => i));
  assert.ok(shards.has(shards.of("blue/web-1")));
  assert.equal(shards.of("blue/web-1"), NetworkShards.ofNetwork(first.identity.id).of("blue/web-1"));
  assert.ok(!NetworkShards.ofNetwork(second.identity.id).has(shards.of("blue/web-1")));
});

Deno.test("EntryBook takes an endpoint under the one origin of its key alone, and nothing else there", () => {
  const network = new TestNetwork(1);
  const replica = setUp(network);
  const key = "blue/web-1";
  const right = replica.entries.networkOrigin("endpoint", key);
  const other = [...NetworkShards.ofNetwork(network.identity.id) as Iterable<typeof right>].find((one) =>
    one !== right
  );
  assert.ok(other !== undefined);
  const cases = [
    [{ origin: other }, "rejected:authority"],
    [{ origin: network.identity.id }, "rejected:authority"],
    [{ kind: "name" }, "rejected:authority"],
    [{ origin: network.node().id }, "rejected:unknown-node"],
    [{}, "added"],
  ] as const;
  for (const [fields, outcome] of cases) {
    assert.equal(
      offered(replica, endpointEntry(network, replica, key, fields)),
      outcome,
      JSON.stringify(fields),
    );
  }
  const node = network.node();
  replica.roster.merge(network.signed(node));
  assert.equal(
    offered(replica, network.entry(node, { kind: "endpoint", key, origin: right, version: 2 })),
    "rejected:signature",
  );
  assert.equal(offered(replica, network.entry(node, { kind: "network", key: "blue" })), "rejected:authority");
  assert.equal(replica.entries.list("endpoint").length, 1);
});

Deno.test("Replicas with as many endpoints as a mesh may have become the same, in messages of a bounded length", () => {
  const network = new TestNetwork(1);
  const full = setUp(network, { ...PLAIN_READER, isSignedBy: () => true });
  const empty = setUp(network);
  const sizes = new Map<string, number>();
  for (let i = 0; i < MAX_ENDPOINTS; i++) {
    const key = `network-${i % 16}/endpoint-of-a-usual-length-${i}`;
    assert.equal(offered(full, endpointEntry(network, full, key)), "added");
    const origin = full.entries.networkOrigin("endpoint", key);
    sizes.set(origin, (sizes.get(origin) ?? 0) + 1);
  }
  assert.ok(Math.max(...sizes.values()) < MAX_SHARD_ENTRIES / 2, "none is near its bound");
  const vectors = vectorsOf(
    "0".repeat(32),
    "f".repeat(32),
    full.versions.range("0".repeat(32), "f".repeat(32), START),
  );
  const lengths = vectors.map((vector) => encodeMeshMessage({ kind: "vector", vector }).length);
  assert.ok(Math.max(...lengths) <= 64 * 1024, lengths.join());
  const parts: readonly ReplicaUpdate[] = splitUpdate(full.snapshot());
  const startedAt = performance.now();
  for (const part of parts) empty.merge(part);
  const tookMs = performance.now() - startedAt;
  assert.deepEqual(empty.versions.digest(START), full.versions.digest(START));
  const kilobytes = (sum: readonly number[]) => Math.round(sum.reduce((a, b) => a + b, 0) / 1024);
  // deno-lint-ignore no-console -- what the bound costs is for whoever reads the run
  console.log(
    `${MAX_ENDPOINTS} endpoints: vectors of ${kilobytes(lengths)} KiB in ${lengths.length}, the longest ` +
      `${Math.max(...lengths)} bytes; merged in ${tookMs.toFixed(0)} ms`,
  );
});
