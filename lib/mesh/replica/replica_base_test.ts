import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import { BucketPool } from "../versions/version_index.ts";
import type { NodeIdentity } from "../identity/identity.ts";
import { signOwnStatement } from "../records/node_statement.ts";
import { Replica } from "./replica.ts";

/** A store that says what has been put into it since it was made. */
class ChangedStore extends MemoryStateStore {
  readonly #base: MemoryStateStore;

  constructor(base: MemoryStateStore) {
    super();
    this.#base = base;
    for (const name of ["record", "statement"]) {
      for (const [key, value] of base.entries(name)) this.put(name, key, value);
    }
  }

  *changes(name: string): Generator<readonly [string, Uint8Array | undefined]> {
    const keys = new Set([...this.#base.entries(name), ...this.entries(name)].map(([key]) => key));
    for (const key of keys) {
      if (this.get(name, key) !== this.#base.get(name, key)) yield [key, this.get(name, key)];
    }
  }
}

Deno.test("Replica over a base is the same as one of its own, also when it is loaded again, and leaves the base alone", () => {
  const net = new TestNetwork(11);
  const clock = new VirtualClock(START);
  const options = { networkId: net.identity.id, verifyingKey: net.identity.verifyingKey, clock };
  const statementOf = (node: NodeIdentity) => {
    const own = { endpoints: [], channelEndpoints: [], labels: {} };
    return signOwnStatement(node, own, { clock, previous: undefined }) ?? assert.fail();
  };
  const [store, plainStore] = [new MemoryStateStore(), new MemoryStateStore()];
  const [replica, plain] = [new Replica(store, options), new Replica(plainStore, options)];
  const nodes = Array.from({ length: 12 }, () => net.node());
  for (const [i, node] of nodes.entries()) {
    for (const each of [replica, plain]) {
      each.roster.merge(net.signed(node, { name: `n${i}` }));
      each.roster.mergeStatement(statementOf(node));
    }
  }
  const before = replica.versions.digest(START).toHex();
  const own = new ChangedStore(store);
  const base = { replica, pool: new BucketPool(), changes: (name: string) => own.changes(name) };
  const open = () => new Replica(own, { ...options, base });
  const [a = assert.fail(), b = assert.fail()] = nodes;
  const over = open();
  for (const each of [over, plain]) {
    each.roster.merge(net.signed(net.node(), { name: "new" }));
    each.roster.merge(net.signed(a, { name: "other", version: 2 }));
    each.roster.merge(net.signed(b, { name: "n1", version: 2, revoked: true }));
  }
  const ids = (of: Replica) => of.roster.members().map(({ record: { nodeId, name } }) => `${nodeId} ${name}`);
  // The new members are different ones.
  const known = (of: Replica) => ids(of).filter((text) => !text.endsWith(" new"));
  for (const each of [over, open()]) {
    assert.deepEqual(known(each), known(plain));
    assert.equal(each.roster.members().length, plain.roster.members().length);
    assert.equal(each.roster.liveCount, plain.roster.liveCount);
    assert.equal(each.versions.digest(START).toHex(), over.versions.digest(START).toHex());
    assert.equal(each.roster.isRevoked(b.publicKey), true);
    assert.equal(each.roster.signedStatement(b.id), undefined);
    assert.equal(each.roster.byName("other")?.record.nodeId, a.id);
  }
  over.reload();
  assert.deepEqual(known(over), known(plain));
  assert.equal(replica.versions.digest(START).toHex(), before);
  assert.equal(replica.roster.members().length, 12);
});
