import assert from "node:assert/strict";
import type { EndpointRequest, NetworkReport, NetworkRequest, OverlayEndpointReport } from "../../api/mod.ts";
import { silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { InvalidConfigError, parseAgentOptions } from "../../config/mod.ts";
import { DuplicateEndpointError } from "../../overlay/mod.ts";
import { sampleNetwork } from "../testing/sample_networks.ts";
import { checkDeclared, DeclaredNetworks } from "./declared_networks.ts";

const [sampleEndpoint] = sampleNetwork.endpoints;
assert.ok(sampleEndpoint);

/** A node with these networks, that is told this. */
function node(
  said: { readonly networks?: string; readonly networkEndpoints?: string },
  networks: NetworkReport[] = [],
  more: { isLeader?: boolean; failure?: Error } = {},
) {
  const lines: string[] = [];
  const asked: string[] = [];
  const warn = (message: string, facts: object = {}) =>
    void lines.push(`${message} ${JSON.stringify(facts)}`);
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const control = {
    listNetworks: () => networks,
    createNetwork(request: NetworkRequest): NetworkReport {
      asked.push(`network ${request.name}`);
      const made = { ...sampleNetwork, name: request.name, endpoints: [] };
      networks.push(made);
      return made;
    },
    addEndpoint({ network, name }: EndpointRequest): Promise<OverlayEndpointReport> {
      asked.push(`endpoint ${network}/${name}`);
      if (more.failure !== undefined) return Promise.reject(more.failure);
      return Promise.resolve({ ...sampleEndpoint, network, name } as OverlayEndpointReport);
    },
  };
  const options = parseAgentOptions({ stateDir: "/s", ...said });
  const declared = new DeclaredNetworks(options, { timers, log: { ...silentLogger, warn } }, {
    control,
    isLeader: () => more.isLeader ?? true,
  });
  return { declared, networks, asked, lines, more, clock, timers };
}

Deno.test("a leader makes the declared networks and endpoints that are missing, once", async () => {
  const { declared, asked, lines } = node({
    networks: "blue cidr=10.0.0.0/24; red",
    networkEndpoints: "blue/web-1; red/web-1",
  });
  await declared.apply();
  await declared.apply();
  assert.deepEqual(asked, ["network blue", "network red", "endpoint blue/web-1", "endpoint red/web-1"]);
  assert.deepEqual(lines, []);
  assert(declared.isDone);
  declared.close();
});

Deno.test("a member makes its endpoints when it hears of their network, and no network", async () => {
  const { declared, networks, asked } = node(
    { networks: "blue", networkEndpoints: "blue/web-9" },
    [],
    { isLeader: false },
  );
  await declared.apply();
  assert.deepEqual(asked, []);
  assert(!declared.isDone);
  networks.push(sampleNetwork);
  await declared.apply();
  assert.deepEqual(asked, ["endpoint blue/web-9"]);
  assert(declared.isDone);
  declared.close();
});

Deno.test("what is there stays, and what differs is told once", async () => {
  const elsewhere = { ...sampleEndpoint, name: "web-2", node: "db", isLocal: false };
  const blue = { ...sampleNetwork, endpoints: [sampleEndpoint, elsewhere] as OverlayEndpointReport[] };
  const { declared, asked, lines } = node({
    networks: "blue type=vxlan vni=1002 cidr=10.0.0.0/24 mtu=1400 option=a=b gateway=web-1",
    networkEndpoints: "blue/web-1 mac=02:00:00:00:00:01 ip=10.0.0.9/24; blue/web-2",
  }, [blue]);
  await declared.apply();
  assert.deepEqual(asked, []);
  assert.deepEqual(lines, [
    "the network blue is not as it is declared, and stays as it is " + JSON.stringify({
      differences:
        "identifier is 1001, not 1002; mtuBytes is 1370, not 1400; options is none, not a=b; gateway is none, not web-1",
    }),
    'the endpoint blue/web-1 is not as it is declared, and stays as it is {"differences":"ip is 10.0.0.2, not 10.0.0.9"}',
    'the declared endpoint is another node\'s {"endpoint":"blue/web-2","node":"db"}',
  ]);
  assert(declared.isDone);
  declared.close();
});

Deno.test("what fails is told once, and tried again until it is there", async () => {
  const failure = new DuplicateEndpointError("Cannot make blue/web-9: db has that address");
  const made = node({ networkEndpoints: "blue/web-9" }, [sampleNetwork], { failure });
  await made.declared.apply();
  await made.declared.apply();
  assert.equal(made.asked.length, 2);
  assert.equal(made.lines.length, 1);
  assert.match(made.lines[0] ?? "", /db has that address/);
  delete made.more.failure;
  await made.declared.apply();
  assert(made.declared.isDone);
  made.declared.close();
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ["a driver that there is not", "blue type=vxlna", /blue: there is no driver vxlna/],
  ["an identifier beyond the driver's", "blue vni=16777216", /blue: .*VNI 16777216.* 16777215/],
  ["an MTU that no network has", "blue mtu=100", /blue: its MTU is 100/],
  ["an option that the driver has not", "blue option=colour=red", /blue: /],
  ["a block that is too small", "blue cidr=10.0.0.0/31", /10\.0\.0\.0\/31 is no IPv4 block/],
  ["a group in the mesh", "blue group=239.1.1.1", /of a plain underlay/],
  ["a group that is none", "blue underlay=plain group=10.0.0.1", /10\.0\.0\.1 is no multicast group/],
  ["a selector that is none", "blue members='role in ('", /blue: /],
];
for (const [name, networks, says] of refused) {
  Deno.test(`checkDeclared() refuses ${name}`, () => {
    const options = parseAgentOptions({ stateDir: "/s", networks });
    assert.throws(() => checkDeclared(options), (error) => {
      assert(error instanceof InvalidConfigError);
      assert.match(error.message, says);
      assert.match(error.message, /^Cannot use network blue: [^\n]+$/);
      assert.ok(error.hint);
      return true;
    });
  });
}

Deno.test("checkDeclared() takes what a leader can make", () => {
  const networks =
    "blue; red type=vxlan vni=7 cidr=fd00:1::/64,10.0.0.0/24 underlay=plain group=239.1.1.1 port=8472 " +
    "members='role=web' gateway=web-1 mtu=1400 storm-limit=10";
  checkDeclared(parseAgentOptions({ stateDir: "/s", networks }));
});
