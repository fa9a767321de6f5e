import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, utf8Bytes, VirtualClock } from "../../base/mod.ts";
import {
  MAX_ENTRY_LIFETIME_MS,
  MAX_NODE_ENTRIES,
  NO_UPDATE,
  type NodeIdentity,
  Replica,
} from "../../mesh/mod.ts";
import { START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { type DnsHandle, DnsServer } from "../../nameserver/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { SharedNames } from "./shared_names.ts";

/** Nodes of one network that tell each other everything at once. */
class Bench implements AsyncDisposable {
  readonly network: TestNetwork = new TestNetwork(21);
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly nodes: { replica: Replica; handle: DnsHandle; names: SharedNames; identity: NodeIdentity }[] = [];

  /** Adds a node; the first writes for the network. */
  async add(): Promise<this["nodes"][number]> {
    const { identity: { id: networkId, verifyingKey, signingKey } } = this.network;
    const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock: this.clock });
    const identity = this.network.node();
    const handle = await new DnsServer({ listen: [] }).start();
    const network = { id: networkId, verifyingKey, ...this.nodes.length === 0 && { signingKey } };
    const names = new SharedNames({ replica, identity, network }, handle);
    replica.subscribe({
      handleOwnUpdate: (update) => this.tell(update),
      handleEntryEvent: (event) => names.handleEntryEvent(event),
      handleRosterEvent: (event) => names.handleRosterEvent(event),
    });
    const node = { replica, handle, names, identity };
    this.nodes.push(node);
    this.tell({ ...NO_UPDATE, records: this.nodes.map((each) => this.network.signed(each.identity)) });
    return node;
  }

  tell(update: Parameters<Replica["merge"]>[0]): void {
    for (const { replica } of this.nodes) {
      replica.merge(update);
      replica.deliverEvents();
    }
  }

  /** @returns the data of a name on all nodes, which must be the same */
  async ask(name: string, type = "A"): Promise<string> {
    const answers = await Promise.all(this.nodes.map(async ({ handle }) => {
      const { answers } = await handle.query(name, type);
      return answers.map(({ data }) => data.join(".")).join(" ");
    }));
    assert.equal(new Set(answers).size, 1, answers.join(" | "));
    return answers[0] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { handle } of this.nodes) await handle.stop();
  }
}

const at = (last: number) => ({ name: "db", type: "A", data: `10.0.0.${last}` });
const remove = ({ names }: Bench["nodes"][number], name: string): number =>
  names.remove(`${name}.weft.internal.`);

Deno.test("SharedNames of one node are those of all, and go when it takes them back", async () => {
  await using bench = new Bench();
  const [, member] = [await bench.add(), await bench.add()];
  await bench.add();
  member.names.add(at(1));
  member.names.add(at(2));
  assert.equal(await bench.ask("db"), "10.0.0.1 10.0.0.2");
  assert.equal(
    member.names.remove("DB.weft.internal.", undefined, "10.0.0.1"),
    1,
  );
  assert.equal(await bench.ask("db"), "10.0.0.2");
  assert.equal(remove(member, "db"), 1);
  assert.equal(remove(member, "db"), 0);
  assert.equal(await bench.ask("db"), "");
});

Deno.test("SharedNames with several writers are the network's own, else the lowest id's", async () => {
  await using bench = new Bench();
  const leader = await bench.add();
  const members = [await bench.add(), await bench.add()];
  const [low, high] = members.sort((a, b) => a.identity.id < b.identity.id ? -1 : 1);
  assert(low && high);
  high.names.add(at(3));
  assert.equal(await bench.ask("db"), "10.0.0.3");
  low.names.add(at(2));
  assert.equal(await bench.ask("db"), "10.0.0.2");
  leader.names.add(at(1));
  assert.equal(await bench.ask("db"), "10.0.0.1");
  remove(leader, "db");
  assert.equal(await bench.ask("db"), "10.0.0.2");
  // A member that is removed takes its names along.
  const revoked = bench.network.signed(low.identity, { version: 2, revoked: true });
  bench.tell({ ...NO_UPDATE, records: [revoked] });
  assert.equal(await bench.ask("db"), "10.0.0.3");
});

Deno.test("SharedNames that members write can't be those of the zone as a whole, whatever they send", async () => {
  await using bench = new Bench();
  const [leader, member] = [await bench.add(), await bench.add()];
  for (const name of ["@", "*"]) {
    assert.throws(() => member.names.add({ ...at(1), name }), InvalidRequestError);
  }
  const forged: readonly (readonly [string, string])[] = [
    ["*.weft.internal.", "300 A 10.6.6.6"],
    ["weft.internal.", "300 A 10.6.6.6"],
    ["example.com.", "300 A 10.6.6.6"],
    ["9.0.200.10.in-addr.arpa.", "300 PTR evil"],
    ["x.weft.internal.", "9999999 A 10.6.6.6\n300 NS evil\n300 A\n\n300 a 10.6.6.6\n\0"],
    ["a..b", "300 A 10.6.6.6"],
  ];
  for (const [key, text] of forged) {
    bench.tell({
      ...NO_UPDATE,
      entries: [bench.network.entry(member.identity, { key, body: utf8Bytes(text) })],
    });
  }
  for (const { handle } of bench.nodes) {
    assert.deepEqual(handle.records().map(({ type }) => type), ["SOA", "NS"]);
  }
  leader.names.add({ ...at(1), name: "*" });
  assert.equal(await bench.ask("anything"), "10.0.0.1");
});

Deno.test("SharedNames are bounded, and an alias stands alone", async () => {
  await using bench = new Bench();
  const [, member] = [await bench.add(), await bench.add()];
  for (let i = 0; i < MAX_NODE_ENTRIES; i++) member.names.add({ ...at(1), name: `n${i}` });
  assert.throws(() => member.names.add({ ...at(1), name: "a" }), InvalidRequestError);
  assert.equal(await bench.ask("a"), "");
  assert.equal(await bench.ask("n63"), "10.0.0.1");
  assert.throws(() => member.names.add({ name: "n1", type: "CNAME", data: "n2" }), InvalidRequestError);
});

Deno.test("SharedNames are written again before they expire", async () => {
  await using bench = new Bench();
  const [leader] = [await bench.add()];
  leader.names.add(at(1));
  const expiry = () => leader.replica.entries.list("name")[0]?.expiresAt ?? unixMillis(0);
  const first = expiry();
  leader.names.refresh();
  assert.equal(expiry(), first);
  bench.clock.advance(MAX_ENTRY_LIFETIME_MS * 0.7);
  leader.names.refresh();
  assert(expiry() > first);
  assert.equal(await bench.ask("db"), "10.0.0.1");
});
