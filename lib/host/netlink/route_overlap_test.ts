import assert from "node:assert/strict";
import { Cidr } from "../../net/mod.ts";
import { findRouteOverlap, type HostRoute } from "./mod.ts";

function block(text: string): Cidr {
  const cidr = Cidr.parse(text);
  assert(cidr !== undefined, text);
  return cidr;
}

function route(text: string, interfaceName: string | undefined = "eth0", table = 254): HostRoute {
  return { cidr: block(text), interfaceName, table };
}

const cases: readonly (readonly [name: string, routes: readonly HostRoute[], found: string | undefined])[] = [
  ["no routes", [], undefined],
  ["the default routes", [route("0.0.0.0/0"), route("::/0")], undefined],
  ["a neighbour", [route("10.199.0.0/16"), route("10.201.0.0/16")], undefined],
  ["the same block", [route("10.200.0.0/16")], "10.200.0.0/16"],
  ["a part of it", [route("10.200.7.0/24")], "10.200.7.0/24"],
  ["one host of it", [route("10.200.255.255/32")], "10.200.255.255/32"],
  ["a block around it", [route("10.0.0.0/8")], "10.0.0.0/8"],
  ["half of everything", [route("0.0.0.0/1")], "0.0.0.0/1"],
  [
    "the most specific of several",
    [route("10.0.0.0/8"), route("10.200.7.0/24"), route("10.200.0.0/16")],
    "10.200.7.0/24",
  ],
  [
    "a route that only forbids",
    [{ cidr: block("10.200.0.0/16"), interfaceName: undefined, table: 254 }],
    "10.200.0.0/16",
  ],
  ["weft's own interface", [route("10.200.0.0/16", "weft0")], undefined],
  ["another table", [route("10.200.0.0/16", "eth0", 255), route("10.200.0.0/16", "eth0", 100)], undefined],
  ["the other family", [route("fd00::/8"), route("::/1")], undefined],
];

for (const [name, routes, found] of cases) {
  Deno.test(`findRouteOverlap() judges ${name}`, () => {
    assert.equal(findRouteOverlap(block("10.200.0.0/16"), routes, "weft0")?.cidr.toString(), found);
  });
}

Deno.test("findRouteOverlap() knows IPv6", () => {
  const routes = [route("fe80::/64"), route("fd00:7::/32")];
  assert.equal(findRouteOverlap(block("fd00:7:1::/48"), routes, "weft0"), routes[1]);
  assert.equal(findRouteOverlap(block("fd00:8::/32"), routes, "weft0"), undefined);
});
