import assert from "node:assert/strict";
import { Cidr, IpAddress } from "../../net/mod.ts";
import type { HostRoute } from "../../host/mod.ts";
import { InvalidEndpointError } from "../../overlay/mod.ts";
import { RouteOverlapError } from "../errors.ts";
import type { DeviceWish } from "./endpoint_device.ts";
import { checkRoutes } from "./host_devices.ts";

const MAIN_TABLE = 254;
const NONE: ReadonlySet<string> = new Set();

function route(cidr: string, interfaceName: string, table = MAIN_TABLE): HostRoute {
  return { cidr: block(cidr), interfaceName, table };
}

function block(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

function wish(address: string, ...blocks: readonly string[]): Pick<DeviceWish, "endpoint" | "blocks"> {
  const addresses = [IpAddress.parse(address) ?? assert.fail(address)];
  const endpoint = { network: "blue", addresses } as unknown as DeviceWish["endpoint"];
  return { endpoint, blocks: blocks.map(block) };
}

const OVERLAPS: readonly (readonly [name: string, address: string, cidr: string, route: string])[] = [
  ["the host's own network", "192.168.1.9", "192.168.1.0/24", "192.168.1.0/24"],
  [
    "a part of the host's network, which would be hijacked",
    "192.168.1.2",
    "192.168.1.0/30",
    "192.168.1.0/24",
  ],
  ["what a part of is routed elsewhere", "10.0.0.9", "10.0.0.0/8", "10.200.0.0/16"],
  ["an IPv6 network of the host", "fd00:1::9", "fd00:1::/64", "fd00:1::/48"],
];

for (const [name, address, cidr, routed] of OVERLAPS) {
  Deno.test(`checkRoutes() refuses ${name}`, () => {
    const check = () => checkRoutes(wish(address, cidr), [route(routed, "eth0")], NONE);
    assert.throws(check, (error) => {
      assert.ok(error instanceof RouteOverlapError);
      assert.match(error.message, /eth0$/);
      assert.match(error.hint ?? "", /--netns/);
      return true;
    });
  });
}

Deno.test("checkRoutes() lets other endpoints, default routes, other tables and other families be", () => {
  const routes = [
    route("0.0.0.0/0", "eth0"),
    route("10.0.0.0/24", "red-1"),
    route("10.0.0.0/24", "eth0", 100),
    route("fd00:1::/64", "eth0"),
  ];
  checkRoutes(wish("10.0.0.9", "10.0.0.0/24"), routes, new Set(["red-1"]));
  // Without an address of a block there is no way to it.
  checkRoutes(wish("10.0.0.9", "10.0.0.0/24", "fd00:1::/64"), routes, new Set(["red-1"]));
});

Deno.test("checkRoutes() refuses an address that is none of the network's, which would take it from its owner on this host", () => {
  assert.throws(() => checkRoutes(wish("10.200.0.1", "10.0.0.0/24"), [], NONE), InvalidEndpointError);
  assert.throws(() => checkRoutes(wish("10.200.0.1"), [], NONE), InvalidEndpointError);
});
