import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock } from "../../base/mod.ts";
import {
  encodeDefaultGrants,
  type Grants,
  NO_GRANTS,
  NO_UPDATE,
  Replica,
  USUAL_GRANTS,
} from "../../mesh/mod.ts";
import { START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { TopicPath, TopicPattern } from "../../service/mod.ts";
import { Authority } from "./authority.ts";

/** Members a, b and c with what they are granted, and a leader. */
function setUp(grants: Partial<Record<"a" | "b" | "c", Partial<Grants>>> = {}) {
  const network = new TestNetwork(31);
  const { id: networkId, verifyingKey, signingKey } = network.identity;
  const replica = new Replica(new MemoryStateStore(), {
    networkId,
    verifyingKey,
    clock: new VirtualClock(START),
  });
  const authority = new Authority({ replica, network: network.identity });
  const nodes = { a: network.node(), b: network.node(), c: network.node(), leader: network.node() };
  for (const [name, node] of Object.entries(nodes)) {
    const given = { ...NO_GRANTS, ...grants[name as "a"] };
    const roles = name === "leader" ? ["leader", "member"] as const : ["member"] as const;
    replica.roster.merge(
      network.signed(node, { name: name === "leader" ? "lead" : name, grants: given, roles }),
    );
  }
  replica.deliverEvents();
  const id = (name: string) => nodes[name as "a"].id;
  return {
    network,
    nodes,
    replica,
    authority,
    offers: (who: string, path: string) => authority.mayOffer(id(who), TopicPath.parse(path)),
    claims: (who: string, path: string) => authority.mayClaim(id(who), TopicPath.parse(path)),
    publishes: (who: string, topic: string) => authority.mayPublish(id(who), TopicPath.parse(topic)),
    hears: (who: string, pattern: string) => authority.maySubscribe(id(who), TopicPattern.parse(pattern)),
    names: (who: string, name: string) => authority.mayName(id(who), name),
    setDefaults: (defaults: Partial<typeof USUAL_GRANTS>) => {
      const body = encodeDefaultGrants({ ...USUAL_GRANTS, ...defaults });
      const signed = replica.entries.write(networkId, signingKey, { kind: "grant", key: "default", body });
      replica.publish({ ...NO_UPDATE, entries: signed ? [signed] : [] });
    },
  };
}

Deno.test("Authority lets a member offer what it was granted or has claimed, and a leader everything", () => {
  const { offers } = setUp({
    a: { offer: ["orders", "shop:>", "*:jobs/*"] },
    b: { claimed: ["mesh:billing"] },
  });
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["a", "orders", true],
    ["a", "orders/eu", false],
    ["a", "shop:anything/at/all", true],
    ["a", "any:jobs/one", true],
    ["a", "any:jobs/one/two", false],
    ["a", "billing", false],
    ["b", "billing", true],
    ["b", "other:billing", false],
    ["c", "orders", false],
    ["c", "free", false],
    ["leader", "orders", true],
  ];
  for (const [who, path, expected] of cases) assert.equal(offers(who, path), expected, `${who} ${path}`);
});

Deno.test("Authority lets a member claim what is nobody's, unless claims are off", () => {
  const { claims, setDefaults } = setUp({
    a: { offer: ["orders", "jobs/*"] },
    b: { claimed: ["mesh:billing"] },
  });
  assert.deepEqual([claims("c", "orders"), claims("c", "billing"), claims("c", "free")], [
    false,
    false,
    true,
  ]);
  assert.deepEqual([claims("a", "orders"), claims("b", "billing")], [true, true]);
  assert.ok(claims("c", "jobs/one"), "a pattern gives a right, and takes nobody else's");
  setDefaults({ claims: false });
  assert.equal(claims("c", "free"), false);
});

Deno.test("Authority takes a path from who has claimed it when a leader names somebody for it", () => {
  const { offers, claims, publishes, authority, nodes } = setUp({
    a: { claimed: ["mesh:payments"] },
    b: { offer: ["payments"] },
  });
  assert.deepEqual([offers("a", "payments"), offers("b", "payments")], [false, true]);
  assert.deepEqual([claims("a", "payments"), publishes("a", "payments/done")], [false, false]);
  assert.deepEqual([...authority.ownersOf(TopicPath.parse("payments"))], [nodes.b.id]);
});

Deno.test("Authority tells whose rights have changed: a member's own, and of a claimant whom a leader's grant outranks", () => {
  const { network, nodes, replica, authority, offers, setDefaults } = setUp({
    a: { claimed: ["mesh:math"] },
  });
  assert.ok(offers("a", "math"));
  const told: (string | undefined)[] = [];
  const end = authority.observe((nodeId) => told.push(nodeId));
  const grant = (version: number, offer: readonly string[]) => {
    const record = network.signed(nodes.b, { name: "b", version, grants: { ...NO_GRANTS, offer } });
    replica.merge({ ...NO_UPDATE, records: [record] });
    replica.deliverEvents();
    return [told.splice(0), offers("a", "math"), offers("b", "math")];
  };
  assert.deepEqual(grant(2, ["math"]), [[nodes.b.id, nodes.a.id], false, true]);
  assert.deepEqual(grant(3, ["maths"]), [[nodes.b.id, nodes.a.id], true, false]);
  assert.deepEqual(grant(4, ["*"]), [[nodes.b.id], true, true]);
  setDefaults({ offer: ["jobs/*"] });
  replica.deliverEvents();
  assert.deepEqual(told.splice(0), [undefined]);
  end();
  assert.deepEqual(grant(5, [])[0], []);
});

Deno.test("Authority lets nobody claim what would be a topic of somebody else's service, or a built-in one", () => {
  const { authority, claims, offers, nodes } = setUp({
    a: { claimed: ["mesh:orders"] },
    b: { offer: [">"] },
    c: { claimed: ["mesh:shop/eu"] },
  });
  assert.deepEqual([claims("b", "orders/placed"), claims("a", "orders/placed")], [false, true]);
  assert.ok(claims("b", "shop"), "what is below it stays whose it is");
  assert.ok(claims("b", "other:orders"));
  for (const who of ["a", "b", "leader"]) {
    assert.deepEqual([claims(who, "$registry"), offers(who, "$registry")], [false, false], who);
  }
  const above = [...authority.ownersAbove(TopicPath.parse("orders/placed"))];
  assert.deepEqual(above, [nodes.a.id]);
});

Deno.test("Authority counts subscriptions in the name of a service only of those who may offer it", () => {
  const { authority, nodes } = setUp({
    a: { claimed: ["mesh:billing"] },
    b: { offer: ["billing/*", "*:>"] },
  });
  const joins = (who: "a" | "b" | "c" | "leader", group: string) =>
    authority.mayJoinGroup(nodes[who].id, group);
  for (const group of ["billing", "mesh:billing"]) {
    assert.deepEqual([joins("a", group), joins("b", group), joins("c", group), joins("leader", group)], [
      true,
      true,
      false,
      true,
    ]);
  }
  for (const group of ["", "nobody's", "any text at all", "other:billing"]) assert.ok(joins("c", group));
});

Deno.test("Authority keeps what is below a path for those who have it", () => {
  const { publishes } = setUp({
    a: { offer: ["orders"] },
    b: { publish: ["orders/placed"] },
    c: { claimed: ["mesh:orders/eu"] },
  });
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["a", "orders/placed", true],
    ["a", "orders/eu/placed", false],
    ["b", "orders/placed", true],
    ["b", "orders/cancelled", false],
    ["b", "ordersplaced", true],
    ["b", "shop:orders/placed", true],
    ["c", "orders/placed", false],
    ["c", "orders/eu/placed", true],
    ["leader", "orders/eu/placed", true],
  ];
  for (const [who, topic, expected] of cases) {
    assert.equal(publishes(who, topic), expected, `${who} ${topic}`);
  }
});

Deno.test("Authority lets everybody hear everything, until a leader narrows that", () => {
  const { hears, setDefaults } = setUp({ a: { subscribe: ["secret/*"] }, b: { claimed: ["mesh:secret"] } });
  for (const pattern of [">", "secret/>", "any:>", "{x}/*"]) assert.ok(hears("c", pattern), pattern);
  setDefaults({ subscribe: ["news/>", "*:public"] });
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["c", "news/today", true],
    ["c", "news/>", true],
    ["c", "news/{day}/*", true],
    ["c", "news", false],
    ["c", ">", false],
    ["c", "*/today", false],
    ["c", "any:public", true],
    ["a", "secret/one", true],
    ["a", "secret/{id}", true],
    ["a", "secret/>", false],
    ["b", "secret/>", true],
    ["leader", ">", true],
  ];
  for (const [who, pattern, expected] of cases) {
    assert.equal(hears(who, pattern), expected, `${who} ${pattern}`);
  }
});

Deno.test("Authority lets nobody claim a path that has the names of somebody else's", () => {
  const { claims } = setUp({ a: { claimed: ["orders/eu", "Math"], offer: ["a-b"] } });
  const cases = ["orders-eu", "ORDERS/eu", "math", "a/b", "A-B"];
  for (const path of cases) assert.equal(claims("b", path), false, path);
  for (const path of ["orders-us", "x:math", "orders", "a-b-c"]) assert.equal(claims("b", path), true, path);
  assert.equal(claims("a", "math"), true, "its own");
});

Deno.test("Authority lets a member add names below its own, and those that it was granted", () => {
  const { names } = setUp({ a: { names: ["db", "*.apps"] } });
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["a", "db", true],
    ["a", "x.db", false],
    ["a", "one.apps", true],
    ["a", "one.two.apps", true],
    ["a", "apps", false],
    ["a", "*.apps", true],
    ["a", "www.a", true],
    ["a", "www.b", false],
    ["b", "db", false],
    ["b", "a", false],
    ["b", "wwwb", false],
    ["leader", "db", true],
  ];
  for (const [who, name, expected] of cases) assert.equal(names(who, name), expected, `${who} ${name}`);
});

Deno.test("Authority follows records, and knows nobody who was removed", () => {
  const { network, nodes, replica, offers, claims } = setUp({ a: { offer: ["orders"] } });
  assert.equal(claims("b", "orders"), false);
  replica.merge({ ...NO_UPDATE, records: [network.signed(nodes.a, { version: 2, revoked: true })] });
  replica.deliverEvents();
  assert.deepEqual([offers("a", "orders"), claims("a", "orders"), claims("b", "orders")], [
    false,
    false,
    true,
  ]);
});

Deno.test("Authority follows who owns what as members change", () => {
  const { network, nodes, replica, authority, publishes } = setUp({ a: { claimed: ["mesh:orders"] } });
  const owners = () => [...authority.ownersOf(TopicPath.parse("orders"))];
  const grant = (who: "a" | "b", version: number, claimed: readonly string[]) => {
    const record = network.signed(nodes[who], { name: who, version, grants: { ...NO_GRANTS, claimed } });
    replica.merge({ ...NO_UPDATE, records: [record] });
    replica.deliverEvents();
  };
  assert.deepEqual([owners(), publishes("b", "orders/placed")], [[nodes.a.id], false]);
  grant("b", 2, ["mesh:orders"]);
  assert.deepEqual(new Set(owners()), new Set([nodes.a.id, nodes.b.id]));
  assert.ok(publishes("b", "orders/placed"));
  grant("a", 2, []);
  assert.deepEqual([owners(), publishes("a", "orders/placed")], [[nodes.b.id], false]);
  grant("b", 3, []);
  assert.deepEqual([owners(), publishes("a", "orders/placed")], [[], true]);
});

Deno.test("Authority lets nobody hear another one's topics by claiming a path above them", () => {
  const { hears, setDefaults, authority, network, nodes, replica } = setUp({
    a: { claimed: ["mesh:plant/sensors"] },
    c: { claimed: ["mesh:plant", "mesh:yard"], subscribe: ["news"] },
  });
  setDefaults({ subscribe: [] });
  for (const pattern of ["plant/>", "plant/*/temperature", "plant/sensors/>", "plant/sensors/one"]) {
    assert(!hears("c", pattern), pattern);
  }
  for (const pattern of ["plant/doors", "plant/doors/>", "yard/>", "news"]) {
    assert(hears("c", pattern), pattern);
  }
  assert(hears("a", "plant/sensors/>"));
  const told = new Set<string | undefined>();
  authority.observe((nodeId) => told.add(nodeId));
  const grants = { ...NO_GRANTS, offer: ["yard/gate"] };
  replica.merge({ ...NO_UPDATE, records: [network.signed(nodes.b, { name: "b", version: 2, grants })] });
  replica.deliverEvents();
  assert(!hears("c", "yard/>"));
  assert(told.has(nodes.c.id), "whoever asked before is asked again");
});
