import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { PublicKey } from "../../crypto/mod.ts";
import type { NodeId } from "../identity/identity.ts";
import type { KeyTag } from "../records/key_chain.ts";
import type { MemberRecord } from "../records/member_record.ts";
import { PLAIN_READER, type SignedReader } from "../records/signed_reader.ts";
import { address, START, TestNetwork } from "../testing/test_network.ts";
import { MAX_MEMBERS, Roster } from "./roster.ts";
import { MAX_TOMBSTONES } from "./roster_store.ts";

const DAY_MS = 86_400_000;
const network = new TestNetwork(60);

/** A roster whose records are not read from their payloads: a hundred thousand signatures would take minutes. */
function setUp() {
  const records = new Map<Uint8Array, MemberRecord>();
  const reader: SignedReader = {
    ...PLAIN_READER,
    record: (payload) => records.get(payload),
    isSignedBy: () => true,
    mark: (payload) => new DataView(payload.buffer).getBigUint64(0),
  };
  const clock = new VirtualClock(START);
  const { id: networkId, verifyingKey } = network.identity;
  const roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock, reader });
  const template = network.record(network.node(), { addresses: [address("10.200.0.2")] });
  const signature = new Uint8Array(64);
  const merge = (number: number, fields: Partial<MemberRecord> = {}) => {
    const payload = new Uint8Array(new BigUint64Array([BigInt(records.size)]).buffer);
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, number);
    const record: MemberRecord = {
      ...template,
      publicKey: PublicKey.fromBytes(key),
      nodeId: number.toString(16).padStart(32, "0") as NodeId,
      name: `n-${number}`,
      expiresAt: unixMillis(START + 90 * DAY_MS),
      ...fields,
    };
    records.set(payload, record);
    return roster.merge({ payload, signature });
  };
  return { roster, merge, clock };
}

const tag = (number: number) => number.toString(16).padStart(8, "0").padEnd(32, "0") as KeyTag;
const chainOf = (root: number, generation: number, ...former: readonly number[]) => ({
  root: tag(root),
  generation,
  formerKeys: former.map(tag),
  formerVersions: former.map(() => 1),
  rotationsSpentUntil: START,
});

Deno.test("Roster: keys that were replaced and members that were removed take no room of members", () => {
  const { roster, merge, clock } = setUp();
  for (let i = 0; i < MAX_MEMBERS; i++) assert.equal(merge(i), "added");
  const newcomer = 10 * MAX_MEMBERS;
  assert.equal(merge(newcomer), "rejected:full");
  // A member may go on under new keys all the same.
  assert.equal(merge(newcomer + 1, { chain: chainOf(7, 1, 7) }), "added");
  assert.equal(merge(newcomer), "rejected:full");
  assert.equal(merge(7, { version: 2, revoked: true, successor: "1".repeat(32) as NodeId }), "updated");
  for (let i = 0; i < 3; i++) assert.equal(merge(100 + i, { version: 2, revoked: true }), "updated");
  for (let i = 0; i < 3; i++) assert.equal(merge(newcomer + 10 + i), "added");
  assert.equal(merge(newcomer), "rejected:full");
  // Who has expired makes room; leaders do not, since they sign their own records anew.
  assert.equal(merge(200, { version: 2, expiresAt: unixMillis(START + DAY_MS) }), "updated");
  assert.equal(
    merge(201, { version: 2, roles: ["leader"], expiresAt: unixMillis(START + DAY_MS) }),
    "updated",
  );
  clock.advance(DAY_MS);
  assert.equal(merge(newcomer), "added");
  assert.equal(roster.recordById((200).toString(16).padStart(32, "0") as NodeId), undefined);
  assert.ok(roster.recordById((201).toString(16).padStart(32, "0") as NodeId));
  assert.equal(merge(newcomer + 2), "rejected:full");
});

Deno.test("Roster keeps the same removals in whatever order they come, when there are too many", () => {
  const count = MAX_TOMBSTONES + 50;
  const removal = (number: number) => ({
    version: 2,
    revoked: true,
    // Two of three are of one time.
    expiresAt: unixMillis(START + (number % 3 === 0 ? number : 0)),
    ...number % 7 === 0 && { successor: "1".repeat(32) as NodeId },
  });
  const kept = [false, true].map((isReversed) => {
    const { roster, merge } = setUp();
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const number = isReversed ? count - 1 - i : i;
      merge(number, removal(number));
    }
    // deno-lint-ignore no-console -- measurements are for whoever reads the run
    console.log(`${count} removals in ${(performance.now() - start).toFixed(0)} ms`);
    const before = performance.now();
    for (let i = 0; i < 1000; i++) merge(10, removal(10));
    // deno-lint-ignore no-console -- measurements are for whoever reads the run
    console.log(`1000 old ones again in ${(performance.now() - before).toFixed(1)} ms`);
    return roster.allRecords().map(({ nodeId }) => nodeId).sort();
  });
  assert.equal(kept[0]?.length, MAX_TOMBSTONES);
  assert.deepEqual(kept[0], kept[1]);
});
