import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { parseAgentOptions } from "../../config/mod.ts";
import { Endpoint, IpAddress, type IpFamily } from "../../net/mod.ts";
import type { PortMappingState } from "../../port_mapping/mod.ts";
import { type HostView, ownGateways } from "./gateway.ts";
import type { GatewayMappingParts } from "./gateway_mapping.ts";
import { proxyOf } from "./netcheck.ts";
import { type OpenMapping, PortMapping } from "./port_mapping.ts";

const address = (text: string): IpAddress => IpAddress.parse(text) ?? assert.fail(text);

type Interface = readonly [name: string, cidr: string, scopeid?: number];

function host(interfaces: readonly Interface[], routes: Partial<Record<IpFamily, string>>): HostView {
  return {
    interfaces: () =>
      interfaces.map(([name, cidr, scopeid = 0]) => ({
        name,
        cidr,
        address: cidr.slice(0, cidr.indexOf("/")),
        scopeid,
      })),
    defaultRoute: (family) => {
      const text = routes[family];
      return text === undefined ? undefined : { gateway: address(text), interfaceName: "eth0" };
    },
  };
}

const HOME: readonly Interface[] = [["lo", "127.0.0.1/8"], ["eth0", "192.168.7.2/24"], [
  "eth1",
  "10.0.0.2/24",
]];
const GLOBAL6: Interface = ["eth0", "2600::2/64"];
const LINK6: Interface = ["eth0", "fe80::2/64", 3];

const CASES: readonly (readonly [
  name: string,
  interfaces: readonly Interface[],
  routes: Partial<Record<IpFamily, string>>,
  gateways: readonly string[],
])[] = [
  ["a host in a home", HOME, { 4: "192.168.7.1" }, ["192.168.7.1%0 192.168.7.2"]],
  ["a host without a way out", HOME, {}, []],
  ["a host with a public address", [...HOME, ["eth2", "8.8.4.4/24"]], { 4: "192.168.7.1" }, []],
  ["a host whose router is in another network", HOME, { 4: "192.168.8.1" }, []],
  ["a host with IPv6 beside", [...HOME, LINK6, GLOBAL6], { 4: "192.168.7.1", 6: "fe80::1" }, [
    "192.168.7.1%0 192.168.7.2",
    "fe80::1%3 2600::2",
  ]],
  ["a host with IPv6 of its own network only", [...HOME, LINK6, ["eth0", "fd00::2/64"]], {
    4: "192.168.7.1",
    6: "fe80::1",
  }, ["192.168.7.1%0 192.168.7.2"]],
  ["a host with IPv6 alone", [GLOBAL6, LINK6], { 6: "fe80::1" }, []],
];

for (const [name, interfaces, routes, gateways] of CASES) {
  Deno.test(`ownGateways() finds ${gateways.length} for ${name}`, () => {
    const found = ownGateways(host(interfaces, routes));
    assert.deepEqual(found.map(({ gateway, zone, local }) => `${gateway}%${zone} ${local}`), gateways);
  });
}

/** Gateways that map at once, and remember what was asked. */
class SampleGateways {
  readonly asked: string[] = [];
  readonly nonces: (string | undefined)[] = [];
  state: PortMappingState = { kind: "asking", protocol: "pcp" };
  change: () => void = () => {};

  open = ({ gateway, zone, local, port, transports, nonce, onChange }: GatewayMappingParts): OpenMapping => {
    this.asked.push(`${gateway} ${port} ${transports}`);
    this.change = onChange;
    this.nonces.push(nonce?.toHex());
    const state = (): PortMappingState => this.state;
    return {
      gateway: { gateway, zone, local },
      get state() {
        return state();
      },
      drops: () => ({ "mapping-foreign": 2 }),
      close: () => {
        this.asked.push(`closed ${gateway}`);
        return Promise.resolve();
      },
    };
  };
}

function partsOf(
  options: Record<string, unknown>,
  view: HostView,
  gateways: SampleGateways,
  onChange = () => {},
) {
  const clock = new VirtualClock();
  return {
    clock,
    timers: new VirtualTimers(clock),
    random: new SeededRandom(7),
    store: new MemoryStateStore(),
    log: silentLogger,
    options: parseAgentOptions(options),
    overlayDevices: () => new Set<string>(),
    onChange,
    host: view,
    open: gateways.open,
  };
}

Deno.test("PortMapping asks for both ports, tells of what is mapped, and follows the host to another network", async () => {
  const gateways = new SampleGateways();
  let changes = 0;
  let view = host(HOME, { 4: "192.168.7.1" });
  const moving: HostView = {
    interfaces: () => view.interfaces(),
    defaultRoute: (family) => view.defaultRoute(family),
  };
  const mapping = PortMapping.start(partsOf({ port: 5000 }, moving, gateways, () => changes++)) ??
    assert.fail();
  assert.deepEqual(gateways.asked, ["192.168.7.1 5000 udp,tcp"]);
  assert.deepEqual(mapping.endpoints, { packets: [], channels: [] });
  const udp = new Endpoint(address("8.7.6.5"), 5000);
  gateways.state = { kind: "mapped", protocol: "pcp", ports: { udp } };
  const before = changes;
  gateways.change();
  assert.equal(changes, before + 1);
  assert.deepEqual(mapping.endpoints, { packets: [udp], channels: [] });
  assert.deepEqual(mapping.drops(), { "mapping-foreign": 2 });
  mapping.follow();
  assert.equal(changes, before + 1, "nothing has changed");
  view = host([["eth0", "10.9.0.2/24"]], { 4: "10.9.0.1" });
  mapping.follow();
  assert.deepEqual(gateways.asked.slice(1), ["closed 192.168.7.1", "10.9.0.1 5000 udp,tcp"]);
  await mapping.close();
  mapping.follow();
  assert.deepEqual(gateways.asked.slice(3), ["closed 10.9.0.1"]);
  assert.deepEqual(mapping.gateways, []);
});

Deno.test("PortMapping asks nobody where the options say so, and for TCP alone without a packet plane", () => {
  const view = host(HOME, { 4: "192.168.7.1" });
  const gateways = new SampleGateways();
  for (
    const options of [{ portMapping: "off" }, { discovery: "no" }, { endpoints: "127.0.0.1:5000" }]
  ) assert.equal(PortMapping.start(partsOf(options, view, gateways)), undefined);
  assert.deepEqual(gateways.asked, []);
  const parts = partsOf({ rootless: "yes", port: 5000 }, view, gateways);
  for (let start = 0; start < 2; start++) PortMapping.start(parts);
  assert.deepEqual(gateways.asked, ["192.168.7.1 5000 tcp", "192.168.7.1 5000 tcp"]);
  const [first, second] = gateways.nonces;
  assert(first?.length === 24 && first === second, "the gateway knows it again");
});

Deno.test("proxyOf() names the proxy without who may use it", () => {
  const cases: readonly (readonly [variables: Record<string, string>, proxy: string | null])[] = [
    [{}, null],
    [{ HTTPS_PROXY: "" }, null],
    [{ HTTPS_PROXY: "http://a:b@proxy.example:3128/" }, "proxy.example:3128"],
    [{ https_proxy: "proxy.example" }, "proxy.example:80"],
    [{ HTTPS_PROXY: "https://proxy.example" }, "proxy.example:443"],
    [{ HTTPS_PROXY: "http://" }, null],
  ];
  for (const [variables, proxy] of cases) assert.equal(proxyOf(variables), proxy, JSON.stringify(variables));
});
