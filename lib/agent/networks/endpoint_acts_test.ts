import assert from "node:assert/strict";
import { NO_UPDATE } from "../../mesh/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import {
  DuplicateNetworkError,
  IdentifierRangeError,
  InvalidNetworkError,
  MtuRangeError,
  NetworkInUseError,
  UnknownDriverError,
} from "../../overlay/mod.ts";
import { NetworkBook } from "./network_book.ts";
import { MAX_MEMBER_ENDPOINTS } from "./endpoint_acts.ts";
import { NetworkStage, type StageNode } from "./testing/network_stage.ts";

const blue = { name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.0/24" } as const;

function endpointOf({ book }: StageNode, name: string, network = "blue") {
  return book.networks.get(network)?.endpoints.get(name);
}

function addressOf(node: StageNode, name: string): string {
  return endpointOf(node, name)?.definition.addresses.map(String).join() ?? assert.fail(name);
}

/** As the elected leader looks after endpoints. */
function lookForAMinute(stage: NetworkStage, { endpoints }: StageNode): void {
  for (let second = 0; second <= 60; second += 10) {
    endpoints.lookAfter();
    stage.clock.advance(10_000);
  }
}

function withBlue() {
  const stage = new NetworkStage();
  const [a, b] = [stage.join("a"), stage.join("b")];
  stage.leader.networks.create(blue);
  stage.sync(stage.leader, a, b);
  return { stage, lead: stage.leader, a, b };
}

Deno.test("NetworkActs.create() refuses each mistake with an error of its own, and what is the same on the wire", () => {
  const { lead } = withBlue();
  const create = (fields: object) => lead.networks.create({ ...blue, name: "other", vni: 5, ...fields });
  assert.throws(() => create({ name: "blue" }), DuplicateNetworkError);
  assert.throws(() => create({ vni: 1001 }), DuplicateNetworkError);
  assert.throws(() => create({ type: "pigeon" }), UnknownDriverError);
  assert.throws(() => create({ vni: 1 << 24 }), IdentifierRangeError);
  assert.throws(() => create({ mtu: 1371 }), MtuRangeError);
  assert.throws(
    () => create({ mtu: 65_486, plain: {} }),
    MtuRangeError,
    "no packet of the underlay holds it",
  );
  assert.throws(() => create({ cidr: "10.200.5.0/24" }), InvalidNetworkError, "the mesh's own block");
  assert.throws(() => create({ members: "service:orders" }), InvalidNetworkError);
  create({ name: "g", type: "gre", vni: 0x100001 });
  assert.throws(() => create({ name: "n", type: "nvgre", vni: 0x1000 }), DuplicateNetworkError);
  const { vni: _, ...chosen } = blue;
  assert.equal(lead.networks.create({ ...chosen, name: "chosen" }).vni, 1);
  assert.equal(create({ mtu: 1370 }).mtu, 1370);
  const kinds = lead.mesh.leadership.audit?.list({ limit: 100 }).map(({ kind }) => kind) ?? [];
  assert.equal(kinds.filter((kind) => kind === "network-created").length, 4);
});

Deno.test("EndpointActs gives every endpoint a MAC and an address that nobody has, and comes to the same when it is asked again", () => {
  const { stage, lead, a, b } = withBlue();
  assert.equal(stage.add(lead, a, ["blue", "web-1"]), "done");
  const first = endpointOf(a, "web-1")?.definition ?? assert.fail();
  assert.equal(stage.add(lead, a, ["blue", "web-1"]), "done");
  assert.deepEqual(endpointOf(a, "web-1")?.definition, first, "the same answer again");
  assert.equal(stage.add(lead, b, ["blue", "web-1"]), "duplicate-endpoint");
  assert.equal(stage.add(lead, b, ["blue", "x"], { mac: String(first.mac) }), "address-taken");
  assert.equal(
    stage.add(lead, b, ["blue", "x"], { addresses: [String(first.addresses[0])] }),
    "address-taken",
  );
  for (const address of ["10.0.1.1", "10.0.0.0", "10.0.0.255", "10.0.0.1", "fd00::1"]) {
    assert.equal(stage.add(lead, b, ["blue", "x"], { addresses: [address] }), "address-not-allowed", address);
  }
  assert.equal(stage.add(lead, b, ["blue", "x"], { mac: "01:00:5e:00:00:01" }), "address-not-allowed");
  assert.equal(stage.add(lead, b, ["green", "x"]), "unknown-network");
  assert.equal(stage.add(lead, b, ["blue", "gateway"]), "not-permitted", "it is nobody's");
  assert.equal(stage.add(lead, b, ["blue", "x"], { addresses: ["10.0.0.77"] }), "done");
  assert.equal(addressOf(b, "x"), "10.0.0.77");
});

Deno.test("EndpointActs lets an endpoint be removed and moved by its owner and by leaders alone", () => {
  const { stage, lead, a, b } = withBlue();
  stage.add(lead, a, ["blue", "web-1"]);
  const before = endpointOf(lead, "web-1")?.definition ?? assert.fail();
  const move = { kind: "move", to: b.mesh.identity.id } as const;
  assert.equal(stage.ask(lead, b, "blue", "web-1", move), "not-permitted");
  assert.equal(stage.ask(lead, b, "blue", "web-1", { kind: "remove" }), "not-permitted");
  assert.equal(stage.ask(lead, a, "blue", "web-2", move), "unknown-endpoint");
  assert.equal(stage.ask(lead, a, "blue", "web-1", move), "done");
  const after = endpointOf(lead, "web-1")?.definition ?? assert.fail();
  assert.deepEqual(after, { ...before, nodeId: b.mesh.identity.id, generation: 2 });
  assert.equal(stage.ask(lead, a, "blue", "web-1", { kind: "remove" }), "not-permitted", "it is b's now");
  assert.equal(stage.ask(lead, lead, "blue", "web-1", { kind: "remove" }), "done");
  assert.equal(endpointOf(lead, "web-1"), undefined);
  const kinds = lead.mesh.leadership.audit?.list({ limit: 100 }).map(({ kind }) => kind) ?? [];
  assert.deepEqual(kinds.filter((kind) => kind.startsWith("endpoint")), [
    "endpoint-added",
    "endpoint-moved",
    "endpoint-removed",
  ]);
});

Deno.test("EndpointActs lets in who the selector means by the network's word, and takes back from who is meant no more", () => {
  const stage = new NetworkStage();
  const { leader: lead } = stage;
  const [a, b] = [stage.join("a", { team: "ops" }), stage.join("b")];
  lead.networks.create({ ...blue, members: "team=ops" });
  stage.sync(lead, a, b);
  assert.equal(stage.add(lead, b, ["blue", "spy"]), "not-permitted");
  assert.equal(stage.add(lead, a, ["blue", "op"]), "done");
  stage.sync(lead, a, b);
  const move = { kind: "move", to: b.mesh.identity.id } as const;
  assert.equal(stage.ask(lead, a, "blue", "op", move), "not-permitted");
  const amended = lead.mesh.admission?.amend(a.mesh.record, { labels: {} });
  assert.ok(typeof amended === "object");
  lead.mesh.replica.publish({ ...NO_UPDATE, records: [amended.signed] });
  stage.sync(lead, a, b);
  for (const node of [lead, a, b]) {
    assert.equal(endpointOf(node, "op")?.owner, undefined, "nobody believes it");
  }
  lookForAMinute(stage, lead);
  stage.sync(lead, a, b);
  for (const node of [lead, a, b]) assert.equal(endpointOf(node, "op"), undefined);
});

Deno.test("EndpointActs takes nothing back that a leader hears of before the network, or the labels, that it is by", () => {
  const stage = new NetworkStage();
  const { leader: lead } = stage;
  const [a, second] = [stage.join("a", { team: "ops" }), stage.join("second")];
  stage.promote(second);
  stage.sync(lead, a, second);
  lead.networks.create({ ...blue, members: "team=ops" });
  assert.equal(stage.add(lead, a, ["blue", "op"]), "done");
  const { entries } = lead.mesh.replica;
  const signed = entries.signedEntry(entries.networkOrigin("endpoint", "blue/op"), "endpoint", "blue/op");
  second.mesh.replica.merge({ ...NO_UPDATE, entries: [signed ?? assert.fail()] });
  second.book.forget();
  assert.equal(second.book.lost.length, 1);
  second.endpoints.lookAfter();
  stage.clock.advance(50_000);
  second.endpoints.lookAfter();
  stage.sync(lead, a, second);
  stage.clock.advance(50_000);
  second.endpoints.lookAfter();
  for (const node of [lead, a, second]) assert.notEqual(endpointOf(node, "op"), undefined);
});

Deno.test("EndpointActs takes back what is of no network, once it has been so for a minute", () => {
  const { stage, lead, a } = withBlue();
  stage.add(lead, a, ["blue", "web-1"]);
  const { entries } = lead.mesh.replica;
  const { signingKey } = lead.mesh.network;
  entries.write(lead.mesh.network.id, signingKey ?? assert.fail(), {
    kind: "network",
    key: "blue",
    body: undefined,
  });
  lead.book.forget();
  assert.equal(lead.book.lost.length, 1);
  lookForAMinute(stage, lead);
  lead.book.forget();
  assert.equal(lead.book.lost.length, 0);
});

Deno.test("NetworkActs.change() gives a network another gateway, or none, and the former's endpoint goes", () => {
  const { stage, lead, a, b } = withBlue();
  const gatewayOf = (node: StageNode) =>
    lead.networks.change(
      lead.book.networks.get("blue") ?? assert.fail(),
      { gateway: node.mesh.identity.id },
    );
  gatewayOf(a);
  stage.sync(lead, a, b);
  assert.equal(stage.add(lead, a, ["blue", "gateway"]), "done");
  assert.equal(stage.add(lead, b, ["blue", "gateway"]), "not-permitted");
  gatewayOf(b);
  stage.sync(lead, a, b);
  assert.equal(endpointOf(a, "gateway"), undefined);
  assert.equal(stage.add(lead, a, ["blue", "gateway"]), "not-permitted");
  assert.equal(stage.add(lead, b, ["blue", "gateway"]), "done");
  stage.sync(lead, a, b);
  assert.equal(endpointOf(a, "gateway")?.owner?.name, "b");
  lead.networks.change(lead.book.networks.get("blue") ?? assert.fail(), { gateway: undefined });
  stage.sync(lead, a, b);
  assert.equal(endpointOf(a, "gateway"), undefined);
});

Deno.test("EndpointActs takes a gateway's endpoint back that another leader has signed for the former one", () => {
  const { stage, lead, a, b } = withBlue();
  const second = stage.join("second");
  stage.promote(second);
  const network = lead.book.networks.get("blue") ?? assert.fail();
  lead.networks.change(network, { gateway: a.mesh.identity.id });
  stage.sync(lead, a, b, second);
  lead.networks.change(lead.book.networks.get("blue") ?? assert.fail(), { gateway: b.mesh.identity.id });
  assert.equal(stage.add(second, a, ["blue", "gateway"]), "done", "it has not heard of it yet");
  stage.sync(lead, a, b, second);
  assert.equal(endpointOf(b, "gateway")?.owner?.name, "a");
  lookForAMinute(stage, lead);
  stage.sync(lead, a, b, second);
  assert.equal(endpointOf(b, "gateway"), undefined);
});

Deno.test("EndpointActs takes back what a removed member had, and what was of a network that is no more", () => {
  const { stage, lead, a, b } = withBlue();
  stage.add(lead, a, ["blue", "web-1"]);
  stage.add(lead, b, ["blue", "web-2"]);
  stage.sync(lead, a, b);
  lead.mesh.admission?.revoke(a.mesh.record.publicKey);
  stage.sync(lead, b);
  lead.endpoints.lookAfter();
  assert.equal(endpointOf(lead, "web-1"), undefined);
  const network = lead.book.networks.get("blue") ?? assert.fail();
  assert.throws(() => lead.networks.delete(network, false), (error) => {
    assert(error instanceof NetworkInUseError);
    assert.match(error.message, /it has (1 endpoint|\d{2,} endpoints|[2-9] endpoints)$/);
    return true;
  });
  lead.networks.delete(network, true);
  stage.sync(lead, b);
  lead.networks.create(blue);
  stage.sync(lead, b);
  assert.equal(b.book.networks.get("blue")?.endpoints.size, 0);
});

Deno.test("EndpointActs: of one address that two leaders gave twice, every node believes one, and the other gets another", () => {
  const { stage, lead, a, b } = withBlue();
  const second = stage.join("second");
  stage.promote(second);
  stage.sync(lead, second, a, b);
  const wish = { addresses: ["10.0.0.50"] };
  assert.equal(stage.add(lead, a, ["blue", "web-1"], wish), "done");
  stage.clock.advance(10);
  assert.equal(stage.add(second, b, ["blue", "web-2"], wish), "done");
  stage.sync(lead, second, a, b);
  for (const node of [lead, second, a, b]) {
    assert.equal(endpointOf(node, "web-1")?.conflict, undefined);
    assert.equal(endpointOf(node, "web-2")?.conflict?.owner.name, "web-1");
  }
  // As its own host asks by itself, for any address.
  assert.equal(stage.add(second, b, ["blue", "web-2"]), "done");
  stage.sync(lead, second, a, b);
  for (const node of [lead, second, a, b]) assert.equal(endpointOf(node, "web-2")?.conflict, undefined);
  assert.notEqual(addressOf(lead, "web-2"), "10.0.0.50");
});

Deno.test("EndpointActs gives one member so many endpoints and no more, and answers no flood", () => {
  const stage = new NetworkStage();
  const { leader: lead } = stage;
  const a = stage.join("a");
  lead.networks.create({ ...blue, cidr: "10.0.0.0/16" });
  stage.sync(lead, a);
  let given = 0;
  for (let i = 0; i < MAX_MEMBER_ENDPOINTS; i++) {
    if (stage.add(lead, a, ["blue", `e${i}`]) === "done") given++;
  }
  assert.equal(given, MAX_MEMBER_ENDPOINTS);
  assert.equal(stage.add(lead, a, ["blue", "more"]), "later");
  stage.clock.advance(10_000);
  assert.equal(stage.add(lead, a, ["blue", "more"]), "too-many");
});

Deno.test("EndpointActs signs anew what lapses in a third of its time, and leaves the rest alone", () => {
  const { stage, lead, a } = withBlue();
  stage.add(lead, a, ["blue", "web-1"]);
  const key = "blue/web-1";
  const { entries } = lead.mesh.replica;
  const versionOf = () => entries.get("endpoint", entries.networkOrigin("endpoint", key), key)?.version;
  const before = versionOf();
  lead.endpoints.lookAfter();
  stage.clock.advance(50 * 86_400_000);
  lead.endpoints.lookAfter();
  assert.equal(versionOf(), before);
  stage.clock.advance(15 * 86_400_000);
  lead.endpoints.lookAfter();
  assert.ok((versionOf() ?? 0) > (before ?? 0));
  assert.equal(lead.book.networks.get("blue")?.definition.vni, 1001);
});

Deno.test("EndpointActs signs many anew in several turns, and all of them", () => {
  const { stage, lead, a } = withBlue();
  for (let i = 0; i < 200; i++) assert.equal(stage.add(lead, a, ["blue", `e${i}`]), "done");
  const { entries } = lead.mesh.replica;
  const renewedCount = () =>
    entries.list("endpoint").filter(({ issuedAt }) => issuedAt === stage.clock.wall()).length;
  lead.endpoints.lookAfter();
  stage.clock.advance(65 * 86_400_000);
  lead.endpoints.lookAfter();
  assert.equal(renewedCount(), 127, "and the network");
  lead.endpoints.lookAfter();
  assert.equal(renewedCount(), 200);
  assert.equal(lead.book.networks.get("blue")?.endpoints.size, 200);
});

Deno.test("NetworkBook knows after each change what it would read anew", () => {
  const { stage, lead, a, b } = withBlue();
  lead.networks.create({ name: "red", type: "vxlan", vni: 1002, cidr: "10.0.0.0/24" });
  const check = () => {
    const fresh = new NetworkBook(lead.mesh).networks;
    assert.deepEqual(lead.book.networks, fresh);
  };
  for (const [node, network, name] of [[a, "blue", "x"], [b, "red", "x"], [b, "blue", "y"]] as const) {
    stage.add(lead, node, [network, name]);
    check();
  }
  stage.ask(lead, lead, "blue", "x", { kind: "move", to: b.mesh.identity.id });
  check();
  stage.ask(lead, lead, "blue", "y", { kind: "remove" });
  check();
  stage.ask(lead, lead, "blue", "y", { kind: "remove" });
  lead.networks.delete(lead.book.networks.get("red") ?? assert.fail(), true);
  check();
  lead.networks.create({ name: "red", type: "vxlan", vni: 1003 });
  stage.add(lead, a, ["red", "x"]);
  check();
});

for (
  const text of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::ffff:192.0.2.1", "127.0.0.1", "::1", "ff02::1"]
) {
  Deno.test(`EndpointActs refuses a member that says it is at ${text} in a plain underlay`, () => {
    const { stage, lead, a, b } = withBlue();
    const underlayAddress = IpAddress.parse(text) ?? assert.fail();
    const add = { kind: "add", addresses: [], allowsForeign: false } as const;
    assert.equal(stage.ask(lead, a, "blue", "web-1", { ...add, underlayAddress }), "address-not-allowed");
    assert.equal(stage.ask(lead, a, "blue", "web-1", add), "done");
    const move = { kind: "move", to: b.mesh.identity.id, underlayAddress } as const;
    assert.equal(stage.ask(lead, a, "blue", "web-1", move), "address-not-allowed");
  });
}
