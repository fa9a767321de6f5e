import assert from "node:assert/strict";
import fc from "fast-check";
import { unixMillis } from "../../base/mod.ts";
import { IpAddress, MacAddress } from "../../net/mod.ts";
import { type EndpointDefinition, endpointKey, type NetworkDefinition } from "../../overlay/mod.ts";
import { decodeEndpoint, decodeNetwork, encodeEndpoint, encodeNetwork } from "./entry_codec.ts";

const address = (text: string) => IpAddress.parse(text) ?? assert.fail(text);
const mac = MacAddress.parse("02:00:00:00:00:01") ?? assert.fail();

const full: NetworkDefinition = {
  id: "net-001",
  name: "blue",
  type: "vxlan",
  cidr: "10.0.0.0/24",
  cidr6: "fd77::/64",
  vni: 1001,
  mtu: 1450,
  active: false,
  interfaces: ["eth0", "eth1"],
  options: { a: "1", b: "" },
  plain: { group: "239.1.1.1", remotes: ["192.0.2.1", "2001:db8::1"], port: 8472, hopLimit: 3 },
  members: "role=web",
  gateway: "ab".repeat(16),
  stormLimit: 7,
  createdAt: unixMillis(1_700_000_000_000),
};
const least: NetworkDefinition = {
  id: "x",
  name: "red",
  type: "gre",
  vni: 0xffff_ffff,
  active: true,
  interfaces: [],
  options: {},
  createdAt: unixMillis(1),
};
const endpoint: EndpointDefinition = {
  network: "blue",
  name: "web-1",
  networkId: "net-001",
  nodeId: "cd".repeat(16),
  mac,
  addresses: [address("10.0.0.9"), address("fd77::9")],
  allowsForeign: true,
  generation: 3,
  underlayAddress: address("192.0.2.7"),
  createdAt: unixMillis(5),
};

Deno.test("encodeNetwork() and encodeEndpoint() are read back as they were, with all fields and with the least", () => {
  for (const network of [full, least]) {
    assert.deepEqual(decodeNetwork(network.name, encodeNetwork(network)), network);
  }
  const { underlayAddress: _, ...rest } = endpoint;
  for (const one of [endpoint, { ...rest, addresses: [], allowsForeign: false }]) {
    const read = decodeEndpoint(endpointKey(one), encodeEndpoint(one)) ?? assert.fail();
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(one)));
  }
});

Deno.test("encodeNetwork() says the same of options in whatever order they were given", () => {
  const other = { ...full, options: { b: "", a: "1" } };
  assert.deepEqual(encodeNetwork(other), encodeNetwork(full));
});

Deno.test("decodeNetwork() and decodeEndpoint() never throw, on cut, changed and random bytes", () => {
  for (
    const [bytes, decode] of [
      [encodeNetwork(full), (body: Uint8Array) => decodeNetwork("blue", body)],
      [encodeEndpoint(endpoint), (body: Uint8Array) => decodeEndpoint("blue/web-1", body)],
    ] as const
  ) {
    for (let end = 0; end < bytes.length; end++) decode(bytes.slice(0, end));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      decode(changed);
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    decodeNetwork("blue", bytes);
    decodeEndpoint("blue/web-1", bytes);
  }));
});

Deno.test("decodeEndpoint() rejects what nobody can have", () => {
  const cases: Readonly<Record<string, Partial<EndpointDefinition>>> = {
    "a group's MAC address": { mac: MacAddress.BROADCAST },
    "no MAC address": { mac: MacAddress.parse("00:00:00:00:00:00") ?? assert.fail() },
    "two addresses of one family": { addresses: [address("10.0.0.9"), address("10.0.0.10")] },
    "a multicast address": { addresses: [address("224.0.0.1")] },
    "no generation": { generation: 0 },
    "no node": { nodeId: "ab" },
    "a mapped underlay": { underlayAddress: address("::ffff:192.0.2.1") },
    "no time": { createdAt: unixMillis(0) },
    "a network without an id": { networkId: "" },
  };
  for (const [what, fields] of Object.entries(cases)) {
    assert.throws(() => encodeEndpoint({ ...endpoint, ...fields }), RangeError, what);
  }
  const body = encodeEndpoint(endpoint);
  for (const key of ["", "blue", "blue/", "/web-1", "blue/web-1/x", "Blue/web-1", `${"a".repeat(64)}/b`]) {
    assert.equal(decodeEndpoint(key, body), undefined, key);
  }
});

Deno.test("decodeNetwork() rejects what no network can be", () => {
  const cases: Readonly<Record<string, Partial<NetworkDefinition>>> = {
    "a name with a slash": { name: "a/b" },
    "a block that is too wide": { cidr: "10.0.0.0/7" },
    "an IPv6 block as an IPv4 one": { cidr: "fd77::/64" },
    "a multicast block": { cidr: "224.0.0.0/24" },
    "too many interfaces": { interfaces: Array.from({ length: 17 }, (_, i) => `eth${i}`) },
    "an interface that is an option": { interfaces: ["-x"] },
    "a group that is none": { plain: { group: "10.0.0.1" } },
    "a remote that is a group": { plain: { remotes: ["239.1.1.1"] } },
    "too many remotes": { plain: { remotes: Array.from({ length: 65 }, (_, i) => `192.0.2.${i + 1}`) } },
    "an option with a line break": { options: { a: "\n" } },
    "a gateway that is no node": { gateway: "abcd" },
  };
  for (const [what, fields] of Object.entries(cases)) {
    assert.throws(() => encodeNetwork({ ...full, ...fields }), RangeError, what);
  }
});

Deno.test("decodeNetwork() refuses an MTU that no network has, whoever has signed it", () => {
  const withMtu = (mtu: number) => {
    const bytes = encodeNetwork({ ...least, mtu: 0x3fff });
    // Field 6, a varint of two bytes here.
    const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0x7f);
    bytes.set([mtu & 0x7f | 0x80, mtu >> 7], at);
    return decodeNetwork(least.name, bytes)?.mtu;
  };
  assert.deepEqual([0x3fff, 576, 575, 28, 1].map(withMtu), [0x3fff, 576, undefined, undefined, undefined]);
});
