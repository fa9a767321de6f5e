import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, utf8Bytes, VirtualClock } from "../../base/mod.ts";
import {
  encodeDefaultGrants,
  MAX_ENTRY_LIFETIME_MS,
  MAX_NODE_ENTRIES,
  type MemberRecord,
  NO_GRANTS,
  NO_UPDATE,
  type NodeIdentity,
  Replica,
  type Signed,
  USUAL_GRANTS,
} from "../../mesh/mod.ts";
import { START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { type DnsHandle, DnsServer } from "../../nameserver/mod.ts";
import { Authority } from "../authority/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { CustomNameSync } from "./custom_name_sync.ts";

/** Nodes of one network that tell each other everything at once. */
class Fixture implements AsyncDisposable {
  readonly network: TestNetwork = new TestNetwork(21);
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly records: Map<string, Signed> = new Map();
  version = 0;
  readonly nodes: { replica: Replica; handle: DnsHandle; names: CustomNameSync; identity: NodeIdentity }[] =
    [];

  /** Adds a node `m0`, `m1`, …, which may name these; the first writes for the network. */
  async add(names: readonly string[] = ["db"]): Promise<this["nodes"][number]> {
    const { identity: { id: networkId, verifyingKey, signingKey } } = this.network;
    const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock: this.clock });
    const identity = this.network.node();
    const handle = await new DnsServer({ listen: [] }).start();
    const network = { id: networkId, verifyingKey, ...this.nodes.length === 0 && { signingKey } };
    const authority = new Authority({ replica, network });
    const custom = new CustomNameSync({ mesh: { replica, identity, network }, handle, authority });
    replica.subscribe({
      handleOwnUpdate: (update) => this.tell(update),
      handleEntryEvent: (event) => custom.handleEntryEvent(event),
      handleRosterEvent: (event) => custom.handleRosterEvent(event),
    });
    const node = { replica, handle, names: custom, identity };
    this.nodes.push(node);
    this.sign(node, { name: `m${this.nodes.length - 1}`, grants: { ...NO_GRANTS, names } });
    this.tell({ ...NO_UPDATE, records: [...this.records.values()] });
    return node;
  }

  /** Signs the record of a node anew, and tells all. */
  sign({ identity }: this["nodes"][number], fields: Partial<MemberRecord>): void {
    const signed = this.network.signed(identity, { version: ++this.version, ...fields });
    this.records.set(identity.id, signed);
    this.tell({ ...NO_UPDATE, records: [signed] });
  }

  /** What a node writes past all checks of its own. */
  force({ identity }: this["nodes"][number], key: string, text: string): void {
    const entry = this.network.entry(identity, { key, body: utf8Bytes(text), version: ++this.version });
    this.tell({ ...NO_UPDATE, entries: [entry] });
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
  fixture.sign(low, { revoked: true });
  assert.equal(await fixture.ask("db"), "10.0.0.3");
});

Deno.test("CustomNameSync that members write can't be those of the zone as a whole, whatever they send", async () => {
  await using fixture = new Fixture();
  const [leader, member] = [await fixture.add(), await fixture.add(["*"])];
  await fixture.add();
  const ownedByNetwork = [
    "@",
    "*",
    "leader",
    "x.leader",
    "node-9-9",
    "wpad",
    "isatap",
    "localhost",
    "_ldap._tcp",
  ];
  for (const name of [...ownedByNetwork, "m2", "x.m2", "google.com", "x.local"]) {
    assert.throws(() => member.names.add({ ...at(1), name }), InvalidRequestError, name);
    fixture.force(member, `${name}.weft.internal.`, "300 A 10.6.6.6");
  }
  const forged: readonly (readonly [string, string])[] = [
    ["*.weft.internal.", "300 A 10.6.6.6"],
    ["weft.internal.", "300 A 10.6.6.6"],
    ["example.com.", "300 A 10.6.6.6"],
    ["9.0.200.10.in-addr.arpa.", "300 PTR evil"],
    ["x.weft.internal.", "9999999 A 10.6.6.6\n300 NS evil\n300 A\n\n300 a 10.6.6.6\n\0"],
    ["a..b", "300 A 10.6.6.6"],
    ["db", "300 A 10.6.6.6"],
    ["DB.weft.internal.", "300 A 10.6.6.6"],
    ["d\\098.weft.internal.", "300 A 10.6.6.6"],
  ];
  for (const [key, text] of forged) fixture.force(member, key, text);
  for (const { handle } of fixture.nodes) {
    assert.deepEqual(handle.records().map(({ type }) => type), ["SOA", "NS"]);
  }
  leader.names.add({ ...at(1), name: "*" });
  assert.equal(await fixture.ask("anything"), "10.0.0.1");
});

Deno.test("CustomNameSync of a member are those below its own name, and those that it was granted", async () => {
  await using fixture = new Fixture();
  const [leader, member, other] = [
    await fixture.add(),
    await fixture.add(["db", "*.apps"]),
    await fixture.add(),
  ];
  const allowed = ["db", "x.apps", "*.apps", "web.m1", "*.m1", "_http._tcp.m1"];
  for (const name of allowed) {
    member.names.add({ ...at(7), name });
    assert.equal(await fixture.ask(name), "10.0.0.7", name);
  }
  for (const name of ["web", "x.db", "apps", "m1", "web.m2"]) {
    const isRefused = {
      name: "InvalidRequestError",
      hint: name === "web.m2" ? /^On a leader: weft dns/ : /--names /,
    };
    if (name !== "m1") assert.throws(() => member.names.add({ ...at(7), name }), isRefused, name);
    fixture.force(member, `${name}.weft.internal.`, "300 A 10.6.6.6");
    assert.equal(await fixture.ask(name), "", name);
  }
  other.names.add({ ...at(8), name: "web.m2" });
  assert.equal(await fixture.ask("web.m2"), "10.0.0.8");
  assert.deepEqual(member.names.unheeded().length, 5);
  assert.deepEqual(leader.names.unheeded(), []);
  // What a leader says of one of these counts, and its own names are not hidden by mistake.
  leader.names.add({ ...at(9), name: "web.m1" });
  assert.equal(await fixture.ask("web.m1"), "10.0.0.9");
  assert.equal(
    leader.handle.records().find(({ name }) => name === "web.m1.weft.internal.")?.source,
    "leader",
  );
});

Deno.test("CustomNameSync follow what the network lets members name, and who has the name above", async () => {
  await using fixture = new Fixture();
  const [leader, ...members] = [await fixture.add(), await fixture.add(), await fixture.add()];
  const [low, high] = members.sort((a, b) => a.identity.id < b.identity.id ? -1 : 1);
  assert(leader && low && high);
  // Who may not hides nobody who may.
  fixture.sign(low, { name: "low" });
  fixture.force(low, "db.weft.internal.", "300 A 10.6.6.6");
  high.names.add(at(3));
  assert.equal(await fixture.ask("db"), "10.0.0.3");
  fixture.sign(low, { name: "low", grants: { ...NO_GRANTS, names: ["db"] } });
  assert.equal(await fixture.ask("db"), "10.6.6.6");
  fixture.sign(low, { name: "low" });
  assert.equal(await fixture.ask("db"), "10.0.0.3");
  // A member that is given the name has it.
  fixture.sign(low, { name: "db" });
  assert.equal(await fixture.ask("db"), "");
  fixture.sign(low, { name: "low" });
  assert.equal(await fixture.ask("db"), "10.0.0.3");
  // Of two with one name, the one that has it adds names below.
  fixture.sign(high, { name: "web" });
  high.names.add({ ...at(4), name: "x.web" });
  assert.equal(await fixture.ask("x.web"), "10.0.0.4");
  fixture.sign(low, { name: "web" });
  assert.equal(await fixture.ask("x.web"), "");
  fixture.sign(low, { name: "low", revoked: true });
  assert.equal(await fixture.ask("x.web"), "10.0.0.4");
  assert.equal(await fixture.ask("db"), "", "web was granted nothing");
  const { id, signingKey } = fixture.network.identity;
  for (const names of [["db"], []]) {
    const body = encodeDefaultGrants({ ...USUAL_GRANTS, names });
    const signed = leader.replica.entries.write(id, signingKey, { kind: "grant", key: "default", body });
    leader.replica.publish({ ...NO_UPDATE, entries: signed ? [signed] : [] });
    assert.equal(await fixture.ask("db"), names.length > 0 ? "10.0.0.3" : "");
  }
});

Deno.test("CustomNameSync are bounded, and an alias stands alone", async () => {
  await using fixture = new Fixture();
  const [, member] = [await fixture.add(), await fixture.add(["*"])];
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
