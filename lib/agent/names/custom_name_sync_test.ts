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
import { CustomNameSync } from "./custom_name_sync.ts";

/** Nodes of one network that tell each other everything at once. */
class Fixture implements AsyncDisposable {
  readonly network: TestNetwork = new TestNetwork(21);
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly nodes: { replica: Replica; handle: DnsHandle; names: CustomNameSync; identity: NodeIdentity }[] =
    [];

  /** Adds a node; the first writes for the network. */
  async add(): Promise<this["nodes"][number]> {
    const { identity: { id: networkId, verifyingKey, signingKey } } = this.network;
    const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock: this.clock });
    const identity = this.network.node();
    const handle = await new DnsServer({ listen: [] }).start();
    const network = { id: networkId, verifyingKey, ...this.nodes.length === 0 && { signingKey } };
    const names = new CustomNameSync({ replica, identity, network }, handle);
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
const remove = ({ names }: Fixture["nodes"][number], name: string): number =>
  names.remove(`${name}.weft.internal.`);

Deno.test("CustomNameSync of one node are those of all, and go when it takes them back", async () => {
  await using fixture = new Fixture();
  const [, member] = [await fixture.add(), await fixture.add()];
  await fixture.add();
  member.names.add(at(1));
  member.names.add(at(2));
  assert.equal(await fixture.ask("db"), "10.0.0.1 10.0.0.2");
  assert.equal(
    member.names.remove("DB.weft.internal.", undefined, "10.0.0.1"),
    1,
  );
  assert.equal(await fixture.ask("db"), "10.0.0.2");
  assert.equal(remove(member, "db"), 1);
  assert.equal(remove(member, "db"), 0);
  assert.equal(await fixture.ask("db"), "");
});

Deno.test("CustomNameSync with several writers are the network's own, else the lowest id's", async () => {
  await using fixture = new Fixture();
  const leader = await fixture.add();
  const members = [await fixture.add(), await fixture.add()];
  const [low, high] = members.sort((a, b) => a.identity.id < b.identity.id ? -1 : 1);
  assert(low && high);
  high.names.add(at(3));
  assert.equal(await fixture.ask("db"), "10.0.0.3");
  low.names.add(at(2));
  assert.equal(await fixture.ask("db"), "10.0.0.2");
  leader.names.add(at(1));
  assert.equal(await fixture.ask("db"), "10.0.0.1");
  remove(leader, "db");
  assert.equal(await fixture.ask("db"), "10.0.0.2");
  // A member that is removed takes its names along.
  const revoked = fixture.network.signed(low.identity, { version: 2, revoked: true });
  fixture.tell({ ...NO_UPDATE, records: [revoked] });
  assert.equal(await fixture.ask("db"), "10.0.0.3");
});

Deno.test("CustomNameSync that members write can't be those of the zone as a whole, whatever they send", async () => {
  await using fixture = new Fixture();
  const [leader, member] = [await fixture.add(), await fixture.add()];
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
    fixture.tell({
      ...NO_UPDATE,
      entries: [fixture.network.entry(member.identity, { key, body: utf8Bytes(text) })],
    });
  }
  for (const { handle } of fixture.nodes) {
    assert.deepEqual(handle.records().map(({ type }) => type), ["SOA", "NS"]);
  }
  leader.names.add({ ...at(1), name: "*" });
  assert.equal(await fixture.ask("anything"), "10.0.0.1");
});

Deno.test("CustomNameSync are bounded, and an alias stands alone", async () => {
  await using fixture = new Fixture();
  const [, member] = [await fixture.add(), await fixture.add()];
  for (let i = 0; i < MAX_NODE_ENTRIES; i++) member.names.add({ ...at(1), name: `n${i}` });
  assert.throws(() => member.names.add({ ...at(1), name: "a" }), InvalidRequestError);
  assert.equal(await fixture.ask("a"), "");
  assert.equal(await fixture.ask("n63"), "10.0.0.1");
  assert.throws(() => member.names.add({ name: "n1", type: "CNAME", data: "n2" }), InvalidRequestError);
});

Deno.test("CustomNameSync are written again before they expire", async () => {
  await using fixture = new Fixture();
  const [leader] = [await fixture.add()];
  leader.names.add(at(1));
  const expiry = () => leader.replica.entries.list("name")[0]?.expiresAt ?? unixMillis(0);
  const first = expiry();
  leader.names.refresh();
  assert.equal(expiry(), first);
  fixture.clock.advance(MAX_ENTRY_LIFETIME_MS * 0.7);
  leader.names.refresh();
  assert(expiry() > first);
  assert.equal(await fixture.ask("db"), "10.0.0.1");
});
