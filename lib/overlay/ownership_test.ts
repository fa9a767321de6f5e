import assert from "node:assert/strict";
import fc from "fast-check";
import { unixMillis } from "../base/mod.ts";
import { Cidr, IpAddress, MacAddress } from "../net/mod.ts";
import { allotAddress, allotMac, gatewayMac } from "./allotment.ts";
import { addressProblem } from "./endpoint.ts";
import type { EndpointDefinition, NetworkDefinition } from "./definitions.ts";
import { endpointConflicts, isSameOnWire, networkConflicts } from "./ownership.ts";

function endpoint(name: string, mac: number, host: number, createdAt: number): EndpointDefinition {
  return {
    network: "blue",
    name,
    networkId: "id",
    nodeId: "ab".repeat(16),
    mac: MacAddress.fromBytes(Uint8Array.of(2, 0, 0, 0, 0, mac)),
    addresses: [IpAddress.fromBytes(Uint8Array.of(10, 0, 0, host))],
    allowsForeign: false,
    generation: 1,
    createdAt: unixMillis(createdAt),
  };
}

function network(name: string, type: string, vni: number, createdAt: number): NetworkDefinition {
  return {
    id: name,
    name,
    type,
    vni,
    active: true,
    interfaces: [],
    options: {},
    createdAt: unixMillis(createdAt),
  };
}

Deno.test("endpointConflicts() finds the same owner of each address in whatever order endpoints come", () => {
  const some = fc.array(
    fc.record({ mac: fc.nat(5), host: fc.nat(5), at: fc.integer({ min: 1, max: 3 }) }),
    { maxLength: 12 },
  );
  fc.assert(fc.property(some, fc.nat(), (drawn, seed) => {
    const endpoints = drawn.map(({ mac, host, at }, i) => endpoint(`e${i}`, mac, host, at));
    const shuffled = endpoints.toSorted((a, b) =>
      ((a.name.charCodeAt(1) * seed) % 7) - ((b.name.charCodeAt(1) * seed) % 7)
    );
    const [found, again] = [endpointConflicts(endpoints), endpointConflicts(shuffled)];
    assert.deepEqual([...found.keys()].sort(), [...again.keys()].sort());
    const believed = endpoints.filter(({ name }) => !found.has(name));
    const had = believed.flatMap(({ mac, addresses }) => [mac.toString(), ...addresses.map(String)]);
    assert.equal(new Set(had).size, had.length, "nothing is two's");
    for (const { owner } of found.values()) assert.ok(believed.includes(owner));
  }));
});

Deno.test("endpointConflicts() believes the older one, and of one age the one whose key comes first", () => {
  const conflicts = endpointConflicts([
    endpoint("b", 1, 1, 5),
    endpoint("a", 1, 2, 5),
    endpoint("c", 3, 2, 4),
  ]);
  // c is the oldest and has .2; a has lost that, and so b has the MAC address.
  assert.deepEqual([...conflicts.keys()], ["a"]);
  assert.equal(conflicts.get("a")?.owner.name, "c");
  assert.equal(conflicts.get("a")?.what, "10.0.0.2");
});

Deno.test("networkConflicts() knows which identifiers are the same on the wire, also of gre and nvgre", () => {
  assert.ok(isSameOnWire({ type: "nvgre", vni: 5 }, { type: "gre", vni: (5 << 8) | 7 }));
  assert.ok(!isSameOnWire({ type: "gre", vni: 5 << 8 }, { type: "gre", vni: (5 << 8) | 1 }));
  assert.ok(!isSameOnWire({ type: "vxlan", vni: 5 }, { type: "geneve", vni: 5 }));
  const conflicts = networkConflicts([
    network("young", "vxlan", 1, 9),
    network("old", "vxlan", 1, 2),
    network("other", "geneve", 1, 1),
    network("g", "gre", 0x0000_0501, 3),
    network("n", "nvgre", 5, 4),
  ]);
  assert.deepEqual([...conflicts].map(([name, { owner }]) => [name, owner.name]), [["n", "g"], [
    "young",
    "old",
  ]]);
});

Deno.test("allotAddress() gives every host of a block once, and none that nobody can have", () => {
  for (const text of ["10.0.0.0/28", "fd77::/124"]) {
    const block = Cidr.parse(text) ?? assert.fail();
    const cidrs = block.family === 4 ? { cidr: text } : { cidr6: text };
    const taken = new Set<string>();
    for (let i = 0;; i++) {
      const address = allotAddress("id", `e${i}`, block, taken.size, (one) => taken.has(one.toString()));
      if (address === undefined) break;
      assert.equal(addressProblem(address, { name: "blue", ...cidrs }), undefined);
      assert.ok(!taken.has(address.toString()));
      taken.add(address.toString());
    }
    assert.equal(taken.size, block.family === 4 ? 13 : 14);
  }
});

Deno.test("allotMac() follows from the name, is one station's and local, and leaves taken ones alone", () => {
  const first = allotMac("id", "web-1", () => false);
  assert.equal(allotMac("id", "web-1", () => false).toString(), first.toString());
  assert.ok(first.isLocal && !first.isGroup);
  const second = allotMac("id", "web-1", (mac) => mac.equals(first));
  assert.notEqual(second.toString(), first.toString());
  assert.notEqual(gatewayMac("id").toString(), gatewayMac("other").toString());
});
