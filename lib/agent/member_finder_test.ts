import assert from "node:assert/strict";
import { MemoryStateStore, unixMillis, VirtualClock } from "../base/mod.ts";
import { DomainName, parseRecord } from "../dns/mod.ts";
import { NO_GRANTS, Replica } from "../mesh/mod.ts";
import { address, START, TestNetwork } from "../mesh/testing/test_network.ts";
import { Cidr } from "../net/mod.ts";
import { Authority } from "./authority/mod.ts";
import type { Agent } from "./agent.ts";
import { AmbiguousNameError } from "./errors.ts";
import { MemberFinder } from "./member_finder.ts";
import { recordOf } from "./operations/membership_operations.ts";
import { encodeNameRecords } from "./name_entry.ts";
import { isNameTaken } from "./names/taken_names.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const zone = DomainName.parse("weft.internal") ?? assert.fail();

function setUp() {
  const network = new TestNetwork(14);
  const { id: networkId, verifyingKey, signingKey } = network.identity;
  const clock = new VirtualClock(START);
  const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
  const { roster } = replica;
  const mesh = { replica, roster, cidr, network: network.identity };
  const write = (name: string, type: string, data: string): void => {
    const record = parseRecord(zone, { name, type, data });
    const body = encodeNameRecords("data" in record ? [record] : assert.fail());
    replica.entries.write(networkId, signingKey, { kind: "name", key: `${name}.weft.internal.`, body });
  };
  return { network, replica, roster, mesh, clock, write };
}

Deno.test("MemberFinder takes the network's own names for what they are in the zone, whatever members are called", () => {
  const { network, roster, mesh } = setUp();
  const [web, leader, other] = [network.node(), network.node(), network.node()];
  roster.merge(network.signed(web, { name: "web", addresses: [address("10.200.1.100")] }));
  roster.merge(network.former(leader, "leader", { addresses: [address("10.200.0.2")] }));
  roster.merge(network.former(other, "node-1-100", { addresses: [address("10.200.0.3")] }));
  const finder = new MemberFinder(mesh, "weft.internal.", () => web.id);
  const find = (text: string) => finder.find(text);
  for (const host of ["web", "WEB.weft.internal.", "leader", "leader.weft.internal", "node-1-100", web.id]) {
    assert.equal(find(host), web.id, host);
  }
  assert.equal(find("node-0-2"), leader.id);
  assert.equal(find("10.200.0.3"), other.id);
  assert.equal(new MemberFinder(mesh, "weft.internal.", () => undefined).find("leader"), undefined);
  for (const host of ["nobody", "node-9-9", "web.example", ""]) assert.equal(find(host), undefined, host);
});

Deno.test("MemberFinder.findRecords() tells all who have one name, whom an id, a key or an address tells apart", () => {
  const { network, roster, mesh } = setUp();
  const [first, second] = [network.node(), network.node()];
  const named = { name: "web", namedAt: START };
  roster.merge(
    network.signed(second, { ...named, namedAt: unixMillis(START + 1), addresses: [address("10.200.0.3")] }),
  );
  roster.merge(network.signed(first, { ...named, addresses: [address("10.200.0.2")] }));
  const finder = new MemberFinder(mesh, "weft.internal", () => undefined);
  const found = (text: string) => finder.findRecords(text).map(({ nodeId }) => nodeId);
  assert.deepEqual(found("web"), [first.id, second.id]);
  assert.deepEqual(found("web.weft.internal"), [first.id, second.id]);
  for (const text of [second.id, second.publicKey.toString(), "10.200.0.3"]) {
    assert.deepEqual(found(text), [second.id]);
  }
  assert.equal(finder.find("web"), first.id, "what is dialled is what the zone says");
  const agent = { members: finder, mesh } as unknown as Agent;
  assert.throws(() => recordOf(agent, "web"), (error) => {
    assert(error instanceof AmbiguousNameError);
    assert.match(error.message, /2 members have that name/);
    assert.match(String(error.hint), /10\.200\.0\.2 .* or 10\.200\.0\.3/);
    return true;
  });
  assert.equal(recordOf(agent, "10.200.0.3").nodeId, second.id);
});

Deno.test("MemberFinder takes a name that a leader has added for what it leads to, before members of that name", () => {
  const { network, roster, mesh, write } = setUp();
  const [web, db] = [network.node(), network.node()];
  roster.merge(network.signed(web, { name: "web", addresses: [address("10.200.0.2")] }));
  roster.merge(network.signed(db, { name: "db", addresses: [address("10.200.0.3")] }));
  const finder = new MemberFinder(mesh, "weft.internal", () => undefined);
  const find = (text: string) => finder.find(text);
  assert.equal(find("db"), db.id);
  write("db", "TXT", "primary");
  assert.equal(find("db.weft.internal"), db.id, "text leads nowhere");
  for (const [type, data] of [["A", "10.200.0.2"], ["CNAME", "web"]] as const) {
    write("db", type, data);
    assert.equal(find("db"), web.id);
  }
  write("db", "A", "192.0.2.1");
  assert.equal(find("db"), undefined, "nor does it lead to a member");
  assert.equal(find(db.id), db.id);
  for (const name of ["db", "loop"]) write(name, "CNAME", "loop");
  assert.equal(find("db"), undefined);
});

Deno.test("MemberFinder finds by id, key, address and name", () => {
  const { network, roster, mesh } = setUp();
  const node = network.node();
  const addresses = [address("10.200.0.7"), address("fd00::7")];
  roster.merge(network.signed(node, { name: "db", addresses }));
  const finder = new MemberFinder(mesh, "weft.internal", () => undefined);
  const key = node.publicKey.toString();
  assert.notEqual(key, key.toLowerCase());
  for (const text of ["db", "Db", node.id, node.id.toUpperCase(), key, "10.200.0.7", "fd00:0:0::7"]) {
    assert.equal(finder.find(text), node.id, text);
  }
  for (const text of ["", "web", "10.200.0.8", "0".repeat(32), "x".repeat(1000)]) {
    assert.equal(finder.find(text), undefined, text);
  }
});

Deno.test("MemberFinder takes nobody for another one whose id it has as its name", () => {
  const { network, roster, mesh } = setUp();
  const [node, liar] = [network.node(), network.node()];
  const finder = new MemberFinder(mesh, "weft.internal", () => undefined);
  roster.merge(network.signed(node, { name: "db" }));
  roster.merge(network.signed(liar, { name: node.id }));
  assert.equal(finder.find(node.id), node.id);
  assert.equal(finder.find(liar.id), liar.id);
  // Also when the one who is meant is gone.
  roster.merge(network.signed(node, { version: 2, revoked: true }));
  assert.equal(finder.find(node.id), undefined);
  assert.equal(finder.findRecord(node.id), undefined);
});

Deno.test("MemberFinder.findRecord() finds whose record has expired, too", () => {
  const { network, roster, mesh, clock } = setUp();
  const node = network.node();
  roster.merge(network.signed(node, { name: "db", addresses: [address("10.200.0.2")] }));
  const finder = new MemberFinder(mesh, "weft.internal", () => undefined);
  clock.advance(400 * 86_400_000);
  for (const text of ["db", node.id, node.publicKey.toString(), "10.200.0.2"]) {
    assert.equal(finder.find(text), undefined, text);
    assert.equal(finder.findRecord(text)?.nodeId, node.id, text);
  }
});

Deno.test("isNameTaken() knows what leaders have added and granted, and the names of services", () => {
  const { network, replica, mesh, write } = setUp();
  const [owner, lead] = [network.node(), network.node()];
  const grants = {
    ...NO_GRANTS,
    offer: ["orders/eu", "*:>"],
    claimed: ["Math"],
    names: ["cache", "*.apps", "*"],
  };
  replica.roster.merge(network.signed(owner, { name: "owner", grants }));
  replica.roster.merge(network.signed(lead, { name: "lead", roles: ["leader"] }));
  replica.deliverEvents();
  write("db", "A", "10.200.0.9");
  write("*.sites", "A", "10.200.0.9");
  const service = {
    path: "shop",
    version: "",
    description: "",
    state: "running" as const,
    actions: [],
    events: [],
    elects: false,
    port: 80,
    protocol: "http",
  };
  const offered = [{ nodeId: lead.id, service, isHealthy: false }, {
    nodeId: network.node().id,
    service: { ...service, path: "free" },
    isHealthy: true,
  }];
  const authority = new Authority(mesh);
  const isTaken = (name: string) =>
    isNameTaken(name, { mesh, authority, zone: "weft.internal", offered: () => offered });
  for (const name of ["db", "sites", "orders-eu", "math", "cache", "apps", "shop"]) {
    assert.equal(isTaken(name), true, name);
  }
  for (const name of ["free", "web", "orders", "owner"]) assert.equal(isTaken(name), false, name);
  authority.close();
});
