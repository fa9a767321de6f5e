import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { AddressRange, Cidr } from "../../net/mod.ts";
import { Admission, rotationTo } from "../admission/admission.ts";
import { TokenBook } from "../admission/token_book.ts";
import { type NodeIdentity, nodeIdOf } from "../identity/identity.ts";
import { chainRootOf, isRemoval, type KeyTag, keyTagOf } from "../records/key_chain.ts";
import { decodeRecord, type MemberRecord } from "../records/member_record.ts";
import type { Signed } from "../records/signed.ts";
import { isSignedBy } from "../records/signed.ts";
import { address, SmallPool, START, TestNetwork } from "../testing/test_network.ts";
import { NO_UPDATE } from "../records/replica_update.ts";
import { Replica } from "./replica.ts";

const HOUR_MS = 3_600_000;
const LEADERS = 3;
const MACHINES = 4;
const KEYS_EACH = 5;
const ADDRESSES_EACH = 80;
const seed = Number(Deno.env.get("WEFT_FUZZ_SEED") ?? Date.now() % 2 ** 31);
const numRuns = Number(Deno.env.get("WEFT_FUZZ_RUNS") ?? 150);

/** One leader with a replica of its own; what it signs is noted for all. */
class Leader {
  readonly replica: Replica;
  readonly admission: Admission;
  readonly #tokens: TokenBook;
  readonly #network: TestNetwork;

  constructor(index: number, world: World) {
    const { network, clock } = world;
    const store = new MemoryStateStore();
    const { id: networkId, verifyingKey } = network.identity;
    this.#network = network;
    this.replica = new Replica(store, { networkId, verifyingKey, clock });
    this.#tokens = new TokenBook(store, { random: network.random, clock });
    const pool = new SmallPool(250);
    // Each leader gives out addresses of its own.
    const first = 1 + index * ADDRESSES_EACH;
    pool.setSlices([
      new AddressRange(address(`10.200.0.${first}`), address(`10.200.0.${first + ADDRESSES_EACH - 1}`)),
    ]);
    const { roster } = this.replica;
    this.admission = new Admission({
      store,
      roster,
      tokens: this.#tokens,
      network: network.identity,
      clock,
      addresses: pool,
    });
  }

  join(node: NodeIdentity, name: string): unknown {
    const { tokenId, secret } = this.#tokens.create({
      networkId: this.#network.identity.id,
      leaderPublicKey: node.publicKey,
      endpoints: [],
      cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
      lifetimeMs: HOUR_MS,
    });
    const { publicKey, signingKey: { verifyingKey } } = node;
    const keys = { publicKey, verifyingKey, remotePublicKey: publicKey };
    return this.admission.admit({ tokenId, secret, name, ...keys });
  }
}

/** Leaders that hear of each other only what they are told, and everything that the network's key has signed. */
class World {
  readonly network = new TestNetwork(1);
  readonly clock = new VirtualClock(START);
  readonly leaders = Array.from({ length: LEADERS }, (_, i) => new Leader(i, this));
  readonly keys = Array.from(
    { length: MACHINES },
    () => Array.from({ length: KEYS_EACH }, () => this.network.node()),
  );
  /** By signature. */
  readonly signed = new Map<string, Signed>();

  note(): void {
    for (const { replica } of this.leaders) {
      for (const signed of replica.roster.signed().records) this.signed.set(signed.signature.toHex(), signed);
    }
  }

  records(): MemberRecord[] {
    return [...this.signed.values()].map(({ payload }) => decodeRecord(payload) ?? assert.fail());
  }

  /** Every leader hears what every other one holds, in an order of its own, until nothing is new. */
  exchange(): void {
    for (let round = 0; round < 4; round++) {
      for (const [i, to] of this.leaders.entries()) {
        for (let step = 1; step < LEADERS; step++) {
          const from = this.leaders[(i + step * (round % 2 === 0 ? 1 : LEADERS - 1)) % LEADERS] as Leader;
          const { isForged } = to.replica.merge(from.replica.snapshot());
          assert.ok(!isForged);
        }
      }
    }
  }
}

const at = { leader: fc.nat(LEADERS - 1), machine: fc.nat(MACHINES - 1), key: fc.nat(KEYS_EACH - 1) };
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("join" as const), ...at }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("rotate" as const), ...at, to: at.key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), ...at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("renew" as const), ...at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("promote" as const), ...at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("relabel" as const), ...at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), ...at }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hear" as const), ...at, from: at.leader }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("replay" as const), ...at, which: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ...at }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(world: World, step: Step): void {
  const leader = world.leaders[step.leader] as Leader;
  const node = world.keys[step.machine]?.[step.key] as NodeIdentity;
  const { admission, replica: { roster } } = leader;
  const known = roster.recordByKey(node.publicKey);
  const counts = known !== undefined && !roster.isRevoked(node.publicKey);
  if (step.kind === "join") leader.join(node, `m-${step.machine}`);
  else if (step.kind === "remove") admission.revoke(node.publicKey);
  else if (step.kind === "close") admission.renewDue(() => false);
  else if (step.kind === "wait") world.clock.advance(6 * HOUR_MS);
  else if (step.kind === "hear") {
    leader.replica.merge((world.leaders[step.from] as Leader).replica.snapshot());
  } else if (step.kind === "replay") {
    const all = [...world.signed.values()];
    const replayed = all[step.which % Math.max(1, all.length)];
    if (replayed !== undefined) leader.replica.merge({ ...NO_UPDATE, records: [replayed, replayed] });
  } else if (known === undefined || !counts) return;
  else if (step.kind === "renew") admission.renew(known);
  else if (step.kind === "promote") {
    const roles = known.roles.includes("leader") ? ["member"] as const : ["leader", "member"] as const;
    admission.renew({ ...known, roles });
  } else if (step.kind === "relabel") {
    admission.renew({ ...known, labels: { role: `r${step.leader}` } });
  } else if (step.kind === "rotate") {
    const next = world.keys[step.machine]?.[step.to] as NodeIdentity;
    admission.rotate(known, rotationTo(node.id, next));
  }
  world.note();
}

/** @returns every key that the network has ever signed as one of this chain */
function keysOfChain(records: readonly MemberRecord[], root: KeyTag): Set<KeyTag> {
  const ofChain = records.filter((record) => chainRootOf(record) === root);
  return new Set(
    ofChain.flatMap(({ publicKey, chain }) => [keyTagOf(publicKey), ...chain?.formerKeys ?? []]),
  );
}

function checkInvariants(world: World): void {
  const { leaders, clock, network } = world;
  const wall = unixMillis(clock.wall());
  const [first] = leaders as [Leader];
  for (const { replica } of leaders) {
    const same = (of: Replica) => of.roster.signed().records.map(({ signature }) => signature.toHex()).sort();
    assert.deepEqual(same(replica), same(first.replica), "all leaders hold the same");
    assert.deepEqual(replica.versions.digest(wall), first.replica.versions.digest(wall));
  }
  const records = world.records();
  const { roster } = first.replica;
  const live = [...roster.liveRecords()];
  const removed = new Set(records.filter(isRemoval).map(chainRootOf));
  for (const root of removed) {
    const keys = keysOfChain(records, root);
    for (const { publicKey, name } of live) {
      assert.ok(!keys.has(keyTagOf(publicKey)), `${name} is there under a key of a removed member`);
    }
  }
  const distinct = (what: string, of: (record: MemberRecord) => string) =>
    assert.equal(new Set(live.map(of)).size, live.length, `two members share ${what}`);
  distinct("an id", ({ nodeId }) => nodeId);
  distinct("a key", ({ publicKey }) => keyTagOf(publicKey));
  distinct("a chain", chainRootOf);
  distinct("an address", ({ addresses }) => String(addresses[0]));
  for (const { name } of live) assert.equal(roster.byName(name)?.record.name, name);
  for (const { nodeId } of live) {
    const signed = roster.signedRecord(nodeId) ?? assert.fail();
    assert.ok(isSignedBy("weft member record v1", signed, network.identity.verifyingKey));
  }
  // A member that was removed comes back under none of its keys, by whichever leader.
  for (const root of removed) {
    const keys = keysOfChain(records, root);
    for (const node of world.keys.flat().filter(({ publicKey }) => keys.has(keyTagOf(publicKey)))) {
      for (const leader of leaders) assert.equal(leader.join(node, "again"), "refused:revoked");
    }
  }
}

Deno.test("Roster: whatever leaders that are cut apart do, a removal is final for every key of the member", () => {
  // deno-lint-ignore no-console -- whoever sees this fail needs the seed
  console.log(`WEFT_FUZZ_SEED=${seed}`);
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 25 }), (steps) => {
      const world = new World();
      // Everybody is there, and known to all, before the network falls apart.
      for (const [i, [node]] of world.keys.entries()) {
        world.leaders[i % LEADERS]?.join(node as NodeIdentity, `m-${i}`);
      }
      world.exchange();
      for (const each of steps) take(world, each);
      world.exchange();
      for (const { admission } of world.leaders) admission.redoMissed();
      world.note();
      world.exchange();
      checkInvariants(world);
      for (const { admission } of world.leaders) {
        assert.deepEqual(admission.redoMissed(), [], "nothing is missed any more");
      }
    }),
    { seed, numRuns },
  );
});

Deno.test("Roster.merge() comes to the same with the records of a member in any order and with any repetition", () => {
  const world = new World();
  const [a, b] = world.leaders as [Leader, Leader];
  const [k1, k2, k3, other] = world.keys[0] as [NodeIdentity, NodeIdentity, NodeIdentity, NodeIdentity];
  a.join(k1, "web");
  world.note();
  b.replica.merge(a.replica.snapshot());
  const rotate = (at: Leader, from: NodeIdentity, to: NodeIdentity) => {
    const record = at.replica.roster.recordByKey(from.publicKey) ?? assert.fail();
    assert.ok(Array.isArray(at.admission.rotate(record, rotationTo(from.id, to))));
    world.note();
  };
  rotate(b, k1, k2);
  rotate(b, k2, k3);
  const c = world.leaders[2] as Leader;
  c.replica.merge({ ...NO_UPDATE, records: [[...world.signed.values()][0] ?? assert.fail()] });
  rotate(c, k1, other);
  a.admission.revoke(k1.publicKey);
  world.note();
  const all = [...world.signed.values()];
  assert.ok(all.length >= 7, `${all.length}`);
  const outcome = (order: readonly Signed[]) => {
    const { id: networkId, verifyingKey } = world.network.identity;
    const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock: world.clock });
    for (const signed of order) replica.merge({ ...NO_UPDATE, records: [signed] });
    assert.equal([...replica.roster.liveRecords()].length, 0);
    for (const key of [k1, k2, k3, other]) assert.ok(replica.roster.isRevoked(key.publicKey));
    return replica.roster.signed().records.map(({ signature }) => signature.toHex()).sort();
  };
  const expected = outcome(all);
  fc.assert(
    fc.property(fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }), (order) => {
      assert.deepEqual(outcome(order), expected);
    }),
    { seed, numRuns: 200 },
  );
  assert.equal(nodeIdOf(k1.publicKey, k1.signingKey.verifyingKey), k1.id);
});
