import assert from "node:assert/strict";
import { Cidr, IpAddress, MacAddress } from "../../net/mod.ts";
import type { DeviceWish } from "./endpoint_device.ts";
import { type GatewayControl, gatewayDeviceName, withGateways } from "./gateway_device.ts";

Deno.test("gatewayDeviceName() fits the kernel and tells long names apart", () => {
  assert.equal(gatewayDeviceName("blue"), "blue-gw");
  const long = ["production-eu-west", "production-eu-east"].map(gatewayDeviceName);
  assert.equal(new Set(long).size, 2);
  for (const name of long) assert.match(name, /^product-[0-9a-f]{4}-gw$/);
});

Deno.test("withGateways() leads out while a gateway's device is there", () => {
  const { calls, open } = started();
  const device = open(wish("gateway"));
  assert.deepEqual(calls, ["check blue", "open blue-gw", "set blue blue-gw 10.0.0.0/24"]);
  device.close();
  assert.deepEqual(calls.slice(3), ["remove blue", "close blue-gw"]);
});

Deno.test("withGateways() opens other endpoints as they are", () => {
  const { calls, open } = started();
  open(wish("web-1"));
  assert.deepEqual(calls, ["open undefined"]);
});

Deno.test("withGateways() makes no device for a network that it cannot lead out of", () => {
  const { calls, open } = started("check");
  assert.throws(() => open(wish("gateway")), /cannot check/);
  assert.deepEqual(calls, ["check blue"]);
});

Deno.test("withGateways() takes the device away when the host cannot lead out", () => {
  const { calls, open } = started("set");
  assert.throws(() => open(wish("gateway")), /cannot set/);
  assert.deepEqual(calls.at(-1), "close blue-gw");
});

function started(fails?: "check" | "set") {
  const calls: string[] = [];
  const gateways: GatewayControl = {
    check: ({ network }) => {
      calls.push(`check ${network}`);
      if (fails === "check") throw new Error("cannot check");
    },
    set: ({ network, device, blocks }) => {
      calls.push(`set ${network} ${device} ${blocks}`);
      if (fails === "set") throw new Error("cannot set");
    },
    remove: (network) => void calls.push(`remove ${network}`),
  };
  const open = withGateways(({ options: { device = "undefined" } }) => {
    calls.push(`open ${device}`);
    const port = { kind: "program", id: 1 } as const;
    return { name: device, port, close: () => void calls.push(`close ${device}`) };
  }, gateways);
  return { calls, open };
}

function wish(name: string): DeviceWish {
  const [block, other] = [Cidr.parse("10.0.0.0/24"), Cidr.parse("fd00::/64")];
  const [address, mac] = [IpAddress.parse("10.0.0.1"), MacAddress.parse("02:00:00:00:00:01")];
  assert(block && other && address && mac);
  const endpoint = { network: "blue", name, addresses: [address], mac } as unknown as DeviceWish["endpoint"];
  return { endpoint, options: {}, blocks: [block, other], mtuBytes: 1370, hasHeader: false };
}
