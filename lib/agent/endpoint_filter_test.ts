import assert from "node:assert/strict";
import { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import { mayBeTried } from "./endpoint_filter.ts";

const addresses = ["192.0.2.7", "127.0.0.1", "::1", "2001:db8::7", "169.254.3.1", "198.18.0.0"];
const prefixes = [
  "192.0.2.0/24",
  "127.0.0.0/8",
  "::1/128",
  "2001:db8::/64",
  "169.254.0.0/16",
  "198.18.0.0/31",
];

const host = (meetsOnLoopback: boolean) => ({
  addresses: addresses.map((text) => IpAddress.parse(text) ?? assert.fail(text)),
  prefixes: prefixes.map((text) => Cidr.parse(text) ?? assert.fail(text)),
  overlay: [Cidr.parse("10.200.0.0/16") ?? assert.fail()],
  routed: [Cidr.parse("192.168.1.0/24") ?? assert.fail()],
  ports: new Set([51820, 9180]),
  meetsOnLoopback: () => meetsOnLoopback,
});

const allowed = (text: string, { isFound = false, meetsOnLoopback = false } = {}) =>
  mayBeTried(Endpoint.parse(text) ?? assert.fail(text), host(meetsOnLoopback), isFound);

Deno.test("mayBeTried() lets no member send this node to its own loopback, link, overlay, or to many at once", () => {
  const refused = [
    ...["127.0.0.1:22", "127.0.0.1:51821", "127.9.9.9:5432", "[::1]:51821"],
    ...["169.254.169.254:80", "169.254.3.2:51820", "[fe80::1]:51820"],
    ...[
      "10.200.0.9:51820",
      "224.0.0.1:51820",
      "255.255.255.255:51820",
      "192.0.2.255:51820",
      "240.0.0.1:51820",
    ],
    ...["0.0.0.1:51820", "192.168.1.5:51820"],
  ];
  assert.deepEqual(refused.filter((text) => allowed(text)), []);
  const usable = [
    "192.0.2.9:22",
    "198.51.100.1:51820",
    "[2001:db8::9]:51820",
    "10.0.0.1:51820",
    "192.168.2.5:51820",
    "198.18.0.1:1",
  ];
  assert.deepEqual(usable.filter((text) => !allowed(text)), []);
});

Deno.test("mayBeTried() knows another agent of this host by its port, and the loopback where the network is on it", () => {
  assert.equal(allowed("192.0.2.7:51821"), true);
  assert.deepEqual(["192.0.2.7:51820", "192.0.2.7:9180", "192.0.2.7:22"].filter((text) => allowed(text)), []);
  const onLoopback = (text: string) => allowed(text, { meetsOnLoopback: true });
  assert.equal(onLoopback("127.0.0.1:51821"), true);
  assert.deepEqual(["127.0.0.1:51820", "127.0.0.1:9180", "127.0.0.1:22", "[::1]:53"].filter(onLoopback), []);
});

Deno.test("mayBeTried() takes a link-local address only of what was found on a network of this host", () => {
  assert.equal(allowed("169.254.3.2:51820", { isFound: true }), true);
  assert.equal(allowed("[fe80::1]:51820", { isFound: true }), false);
  assert.equal(allowed("127.0.0.1:51821", { isFound: true }), false);
});
