import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { HostError, type HostGateway, type HostNetwork, type HostRoute } from "../../host/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { GatewayError, Gateways } from "./gateways.ts";

const BLUE = gateway("blue", "10.0.0.0/24");

const REFUSED: readonly (readonly [name: string, gateway: HostGateway, problem: RegExp])[] = [
  [
    "a second network with the same block",
    gateway("red", "10.0.0.0/24"),
    /leads out of the network blue already/,
  ],
  ["a block within the other's", gateway("red", "10.0.0.128/25"), /network blue already/],
  ["a block of the mesh", gateway("red", "10.200.7.0/24"), /the mesh itself/],
  ["a block that the host routes", gateway("red", "172.17.0.0/24"), /routes 172\.17\.0\.0\/16 to docker0/],
];

for (const [name, other, problem] of REFUSED) {
  Deno.test(`Gateways refuses ${name}`, () => {
    const { gateways } = started();
    gateways.set(BLUE);
    assert.throws(() => gateways.check(other), (error) => {
      assert(error instanceof GatewayError);
      assert.match(error.message, problem);
      assert.notEqual(error.hint, undefined);
      return true;
    });
    gateways.close();
  });
}

Deno.test("Gateways takes networks with blocks of their own, and its own again", () => {
  const { gateways, followed } = started();
  gateways.check(BLUE);
  gateways.set(BLUE);
  gateways.check(BLUE);
  const red = gateway("red", "10.1.0.0/24");
  gateways.check(red);
  gateways.set(red);
  gateways.remove("blue");
  gateways.close();
  assert.deepEqual(followed, [["blue"], ["blue", "red"], ["red"], []]);
});

Deno.test("Gateways looks again where the host's way out leads, until it is closed", () => {
  const { gateways, followed, timers } = started();
  gateways.set(BLUE);
  timers.advance(25_000);
  assert.equal(followed.length, 3);
  gateways.close();
  timers.advance(60_000);
  assert.equal(followed.length, 4);
});

Deno.test("Gateways does not lead out when the host cannot, and says why", () => {
  const { gateways, host, followed } = started();
  gateways.set(BLUE);
  host.failure = new HostError("Cannot lead out: the program nft is not there", { hint: "Install it." });
  assert.throws(() => gateways.set(gateway("red", "10.1.0.0/24")), host.failure);
  host.failure = undefined;
  gateways.close();
  assert.deepEqual(followed, [["blue"], ["blue", "red"], ["blue"], []]);
});

Deno.test("Gateways warns once of what the host cannot forward", () => {
  const { gateways, host, warnings } = started();
  host.lacks = [6];
  gateways.set(BLUE);
  assert.equal(warnings.length, 0, "it has no IPv6");
  gateways.set(gateway("green", "fd00:2::/64"));
  assert.match(warnings.join(), /forwards no IPv6/);
  gateways.close();
});

function started() {
  const timers = new VirtualTimers(new VirtualClock());
  const followed: string[][] = [];
  const host = {
    lacks: [] as (4 | 6)[],
    failure: undefined as HostError | undefined,
    follow(networks: readonly HostGateway[]): void {
      followed.push(networks.map(({ network }) => network));
      if (this.failure !== undefined) throw this.failure;
    },
    close(): void {},
  };
  const routes: HostRoute[] = [
    { cidr: cidr("172.17.0.0/16"), interfaceName: "docker0", table: 254 },
    { cidr: cidr("0.0.0.0/0"), interfaceName: "eth0", table: 254 },
    { cidr: cidr("10.0.0.0/24"), interfaceName: "blue-gw", table: 254 },
  ];
  const network = { listRoutes: () => routes } as unknown as HostNetwork;
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const gateways = new Gateways({
    timers,
    log,
    meshBlocks: [cidr("10.200.0.0/16")],
    network,
    host,
  });
  return { gateways, timers, host, followed, warnings };
}

function gateway(network: string, ...blocks: readonly string[]): HostGateway {
  return { network, device: `${network}-gw`, blocks: blocks.map(cidr) };
}

function cidr(text: string): Cidr {
  const parsed = Cidr.parse(text);
  assert(parsed !== undefined);
  return parsed;
}
