import assert from "node:assert/strict";
import { builtInDrivers, getDriverFactory } from "../../../drivers/mod.ts";
import {
  DuplicateDriverError,
  DuplicateEndpointError,
  DuplicateNetworkError,
  IdentifierRangeError,
  InvalidDriverOptionError,
  InvalidEndpointError,
  InvalidNetworkError,
  MtuRangeError,
  NetworkInUseError,
  NetworkTypeError,
  NotInitializedManagerError,
  TooManyEndpointsError,
  UnknownDriverError,
  UnknownEndpointError,
  UnknownNetworkError,
} from "../../overlay/mod.ts";
import type { NetworkPolicy } from "../../policy/mod.ts";
import { MemoryUnderlay } from "../frames/mod.ts";
import type { OverlayManagerOptions } from "./manager_options.ts";
import { OverlayManager } from "./overlay_manager.ts";

const blue = { id: "net-001", name: "blue", type: "vxlan", vni: 1001, cidr: "10.0.0.0/24" };
/** IEEE 802, local experimental. */
const EXPERIMENTAL = [0x88, 0xb5];

async function open(options: OverlayManagerOptions = {}): Promise<OverlayManager> {
  const manager = new OverlayManager(options);
  await manager.initialize();
  return manager;
}

/** A frame of 60 bytes that ends with a text. */
function frame(to: string, from: string, text: string): Uint8Array {
  const bytes = new Uint8Array(60);
  const mac = (text: string) => Uint8Array.fromHex(text.replaceAll(":", ""));
  bytes.set([...mac(to), ...mac(from), ...EXPERIMENTAL, ...new TextEncoder().encode(text)]);
  return bytes;
}

const EVERYBODY = "ff:ff:ff:ff:ff:ff";

/** What endpoints hear of each other, in the order in which it comes; the switch announces them by ARP. */
function listener() {
  const heard: string[] = [];
  const on = (who: string) => (bytes: Uint8Array) => {
    if (bytes[12] !== EXPERIMENTAL[0] || bytes[13] !== EXPERIMENTAL[1]) return;
    heard.push(`${who}: ${new TextDecoder().decode(bytes.subarray(14)).replaceAll("\0", "")}`);
  };
  return { heard, on };
}

Deno.test("OverlayManager carries frames to everybody and to one, within a network", async () => {
  await using manager = await open();
  const { heard, on } = listener();
  await manager.createNetwork(blue);
  await manager.createNetwork({ ...blue, id: "net-002", name: "red", vni: 1002 });
  const mac = "02:42:ac:11:00:02";
  const a = await manager.createEndpoint({ networkId: "net-001", name: "a", macAddress: mac }, on("a"));
  const b = await manager.createEndpoint({ networkId: "blue", name: "b" }, on("b"));
  await manager.createEndpoint({ networkId: "blue", name: "c" }, on("c"));
  await manager.createEndpoint({ networkId: "red", name: "a", macAddress: mac }, on("red a"));
  assert(a.send(frame(EVERYBODY, a.macAddress, "hello")));
  b.send(frame(a.macAddress, b.macAddress, "hello a"));
  b.send(frame(b.macAddress, a.macAddress, "forged"));
  assert.deepEqual(heard.sort(), ["a: hello a", "b: hello", "c: hello"]);
  const counts = manager.counts("blue");
  assert.equal(counts?.framesIn, 3);
  assert.equal(Object.values(counts?.drops ?? {}).reduce((sum, count) => sum + count, 0), 1);
  assert.equal(manager.counts("red")?.framesOut, 0);
  a.close();
  a.close();
  assert.equal(a.send(frame(EVERYBODY, mac, "gone")), false);
  assert.deepEqual(manager.endpoints("blue").map(({ name }) => name), ["b", "c"]);
});

for (const type of builtInDrivers().names) {
  Deno.test(`two managers reach each other by ${type} packets, and networks of other identifiers do not`, async () => {
    const { min } = getDriverFactory(type)().capabilities.identifier;
    const underlay = new MemoryUnderlay();
    const { heard, on } = listener();
    await using one = await open({ underlay, address: "10.200.0.1" });
    await using two = await open({ underlay, address: "10.200.0.2" });
    for (const manager of [one, two]) {
      for (const [name, vni] of [["blue", min + 1], ["red", min + 2]] as const) {
        await manager.createNetwork({ name, type, vni, cidr: "10.0.0.0/24" });
        await manager.addRemote(name, manager === one ? "10.200.0.2" : "10.200.0.1");
        await manager.addRemote(name, manager === one ? "10.200.0.2" : "10.200.0.1");
      }
    }
    const a = await one.createEndpoint({ networkId: "blue", name: "a", ipAddress: "10.0.0.2" }, on("a"));
    const b = await two.createEndpoint({ networkId: "blue", name: "b", ipAddress: "10.0.0.3" }, on("b"));
    await two.createEndpoint({ networkId: "red", name: "b", ipAddress: "10.0.0.3" }, on("red"));
    a.send(frame(EVERYBODY, a.macAddress, "who is there?"));
    b.send(frame(a.macAddress, b.macAddress, "b"));
    assert.deepEqual(heard, ["b: who is there?", "a: b"]);
    assert.equal(underlay.dropped, 0);
  });
}

Deno.test("OverlayManager says what was chosen", async () => {
  await using manager = await open();
  assert.deepEqual(await manager.createNetwork(blue, "vxlan"), {
    ...blue,
    active: true,
    interfaces: [],
    options: {},
    mtu: 1370,
  });
  const given = {
    networkId: "net-001",
    name: "a",
    macAddress: "02-42-AC-11-00-02",
    ipAddress: "10.0.0.2/24",
  };
  const { macAddress, ipAddresses, network } = await manager.createEndpoint(given);
  assert.deepEqual([network, macAddress, ipAddresses], ["blue", "02:42:ac:11:00:02", ["10.0.0.2/24"]]);
  const chosen = await manager.createEndpoint({ networkId: "net-001", name: "b" });
  assert.match(chosen.macAddress, /^.[26ae]:/);
  assert.match(chosen.ipAddresses[0] ?? "", /^10\.0\.0\.\d+\/24$/);
  assert.deepEqual(manager.networks().map(({ id }) => id), ["net-001"]);
});

const endpoint = { networkId: "blue", name: "a", macAddress: "02:42:ac:11:00:02", ipAddress: "10.0.0.2" };
type Act = (manager: OverlayManager) => unknown;
const failures: readonly (readonly [string, Act, new (message: string) => Error, RegExp])[] = [
  [
    "a network of the same name",
    (m) => m.createNetwork({ ...blue, id: "x", vni: 5 }),
    DuplicateNetworkError,
    /blue/,
  ],
  [
    "a network of the same id",
    (m) => m.createNetwork({ ...blue, name: "x", vni: 5 }),
    DuplicateNetworkError,
    /net-001/,
  ],
  [
    "a network of the same VNI",
    (m) => m.createNetwork({ ...blue, id: "x", name: "x" }),
    DuplicateNetworkError,
    /1001/,
  ],
  [
    "a type that there is not",
    (m) => m.createNetwork({ ...blue, type: "vxlna" }),
    UnknownDriverError,
    /vxlna/,
  ],
  [
    "another type than the network's",
    (m) => m.createNetwork({ ...blue, name: "x" }, "gre"),
    NetworkTypeError,
    /gre/,
  ],
  [
    "an identifier of 25 bits",
    (m) => m.createNetwork({ ...blue, vni: 1 << 24 }),
    IdentifierRangeError,
    /16777216/,
  ],
  ["half an identifier", (m) => m.createNetwork({ ...blue, vni: 1.5 }), IdentifierRangeError, /1\.5/],
  ["an MTU below IPv4's", (m) => m.createNetwork({ ...blue, vni: 5, mtu: 575 }), MtuRangeError, /575/],
  ["an MTU beyond IP's", (m) => m.createNetwork({ ...blue, vni: 5, mtu: 65_536 }), MtuRangeError, /65536/],
  [
    "an unknown option",
    (m) => m.createNetwork({ ...blue, id: "x", name: "x", vni: 5, options: { colour: "red" } }),
    InvalidDriverOptionError,
    /colour/,
  ],
  ["a name of two words", (m) => m.createNetwork({ ...blue, name: "a b" }), InvalidNetworkError, /name/],
  [
    "a block that is none",
    (m) => m.createNetwork({ ...blue, cidr: "10.0.0.0/33" }),
    InvalidNetworkError,
    /\/33/,
  ],
  [
    "a plain underlay",
    (m) => m.createNetwork({ ...blue, id: "x", name: "x", vni: 5, plain: {} }),
    InvalidNetworkError,
    /plain/,
  ],
  [
    "a remote without an underlay",
    (m) => m.addRemote("blue", "10.0.0.1"),
    InvalidNetworkError,
    /no underlay/,
  ],
  [
    "an endpoint of no network",
    (m) => m.createEndpoint({ ...endpoint, networkId: "x" }),
    UnknownNetworkError,
    / x:/,
  ],
  ["an endpoint twice", (m) => m.createEndpoint(endpoint), DuplicateEndpointError, /blue\/a: there is one/],
  [
    "a MAC twice",
    (m) => m.createEndpoint({ networkId: "blue", name: "b", macAddress: endpoint.macAddress }),
    DuplicateEndpointError,
    /a has its address/,
  ],
  [
    "an address twice",
    (m) => m.createEndpoint({ networkId: "blue", name: "b", ipAddress: "10.0.0.2/24" }),
    DuplicateEndpointError,
    /a has its address/,
  ],
  [
    "an address of elsewhere",
    (m) => m.createEndpoint({ networkId: "blue", name: "b", ipAddress: "10.0.1.2" }),
    InvalidEndpointError,
    /10\.0\.1\.2/,
  ],
  [
    "a MAC that is none",
    (m) => m.createEndpoint({ networkId: "blue", name: "b", macAddress: "x" }),
    InvalidEndpointError,
    / x /,
  ],
  [
    "an endpoint too many",
    async (m) => {
      await m.createNetwork({ name: "small", type: "vxlan", vni: 9, cidr: "10.9.0.0/30" });
      await m.createEndpoint({ networkId: "small", name: "a" });
      await m.createEndpoint({ networkId: "small", name: "b" });
    },
    TooManyEndpointsError,
    /10\.9\.0\.0\/30/,
  ],
  ["a network in use to be deleted", (m) => m.deleteNetwork("blue"), NetworkInUseError, /1 endpoint/],
  ["a network to be deleted that is none", (m) => m.deleteNetwork("x"), UnknownNetworkError, / x:/],
  [
    "an endpoint to be deleted that is none",
    (m) => m.deleteEndpoint("blue", "x"),
    UnknownEndpointError,
    /blue\/x/,
  ],
  ["a driver twice", (m) => m.registerDriver(getDriverFactory("vxlan")()), DuplicateDriverError, /vxlan/],
];
for (const [name, act, type, says] of failures) {
  Deno.test(`OverlayManager refuses ${name}`, async () => {
    await using manager = await open();
    await manager.createNetwork(blue);
    await manager.createEndpoint(endpoint);
    await assert.rejects(async () => void await act(manager), (error) => {
      assert(error instanceof type, String(error));
      assert.match(error.message, says);
      assert.match(error.message, /^Cannot \S+ .*: .*\S$/);
      return true;
    });
  });
}

Deno.test("OverlayManager does nothing before it is initialized, and after it is closed", async () => {
  const manager = new OverlayManager();
  await assert.rejects(manager.createNetwork(blue), NotInitializedManagerError);
  await manager.initialize();
  await manager.initialize();
  await manager.createNetwork(blue);
  const { send } = await manager.createEndpoint(endpoint);
  await manager.close();
  await manager.close();
  assert.equal(send(new Uint8Array(60)), false);
  for (
    const act of [
      () => manager.createNetwork(blue),
      () => manager.initialize(),
      () => manager.deleteNetwork("blue"),
    ]
  ) {
    await assert.rejects(act, NotInitializedManagerError);
  }
  assert.throws(() => new OverlayManager({ underlay: new MemoryUnderlay(), address: "here" }), RangeError);
});

Deno.test("OverlayManager deletes a network with its endpoints when it is told to", async () => {
  await using manager = await open();
  await manager.createNetwork(blue);
  const made = await manager.createEndpoint(endpoint);
  await manager.deleteNetwork("net-001", { force: true });
  assert.equal(made.send(new Uint8Array(60)), false);
  await manager.createNetwork(blue);
  await manager.createEndpoint(endpoint);
  await manager.deleteEndpoint("blue", "a");
  await manager.deleteNetwork("blue");
  assert.deepEqual(manager.networks(), []);
});

Deno.test("OverlayManager decides by the policies of its networks, whose selectors mean its endpoints", async () => {
  await using manager = await open();
  const { heard, on } = listener();
  await manager.createNetwork(blue);
  const endpoint = (name: string, role: string) =>
    manager.createEndpoint({ networkId: "net-001", name, labels: { role } }, on(name));
  const [web, db] = [await endpoint("web-1", "web"), await endpoint("db-1", "db")];
  const policy = (id: string, sourceSelector: string): NetworkPolicy => ({
    id,
    name: "tiers",
    networkId: "net-001",
    priority: 100,
    rules: [
      { type: "allow", sourceSelector, destinationSelector: "role=db", protocol: "ethertype:0x88b5" },
    ],
  });
  const say = (text: string) => {
    heard.length = 0;
    web.send(frame(db.macAddress, web.macAddress, text));
    return [...heard];
  };
  await manager.applyNetworkPolicy(policy("p-1", "role=app"));
  assert.deepEqual(say("one"), []);
  assert.equal(manager.counts("blue")?.drops["policy"], 1);
  await manager.applyNetworkPolicy(policy("p-1", "role=web"));
  assert.deepEqual(say("two"), ["db-1: two"]);
  // Whoever comes later is meant, too.
  const other = await endpoint("db-2", "db");
  other.send(frame(db.macAddress, other.macAddress, "three"));
  assert.deepEqual(heard, ["db-1: two"]);
  assert.deepEqual(manager.networkPolicies().map(({ id }) => id), ["p-1"]);
  const refused = [
    ["UnknownNetwork", () => manager.applyNetworkPolicy({ ...policy("p-2", "*"), networkId: "red" })],
    ["InvalidPolicy", () => manager.applyNetworkPolicy({ ...policy("p-1", "role="), name: "tiers" })],
    ["InvalidPolicy", () => manager.applyNetworkPolicy(policy("p-2", "*"))],
    ["UnknownPolicy", () => manager.deleteNetworkPolicy("p-2")],
  ] as const;
  for (const [code, act] of refused) await assert.rejects(act, { code });
  // What was refused has changed nothing.
  assert.deepEqual(say("four"), ["db-1: four"]);
  await manager.deleteNetworkPolicy("p-1");
  other.send(frame(db.macAddress, other.macAddress, "five"));
  assert.deepEqual(heard, ["db-1: four", "db-1: five"]);
});
