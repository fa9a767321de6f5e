import assert from "node:assert/strict";
import { Cidr, Endpoint } from "../net/mod.ts";
import { localEndpoints, orderCandidates } from "./endpoint_selector.ts";

const endpoints = (...texts: string[]) => texts.map((text) => Endpoint.parse(text) ?? assert.fail(text));
const prefixes = (...texts: string[]) => texts.map((text) => Cidr.parse(text) ?? assert.fail(text));

Deno.test("orderCandidates() puts near endpoints first and leaves those inside of the overlay out", () => {
  const stated = endpoints("198.51.100.1:1", "10.200.3.4:1", "192.0.2.9:1", "[fd00:1::9]:1", "203.0.113.1:1");
  const host = {
    underlay: prefixes("192.0.2.7/24", "10.200.0.1/16"),
    overlay: prefixes("10.200.0.0/16", "fd00:1::/64"),
  };
  assert.deepEqual(
    orderCandidates(stated, host).map(String),
    ["192.0.2.9:1", "198.51.100.1:1", "203.0.113.1:1"],
  );
});

Deno.test("localEndpoints() states global addresses, loopback only without any, and never the overlay", () => {
  const at = (name: string, address: string) => ({ name, address });
  const loopback = at("lo", "127.0.0.1");
  const overlay = at("weft0", "10.200.0.1");
  const all = [loopback, overlay, at("eth0", "fe80::1"), at("eth0", "2001:db8::1"), at("eth0", "192.0.2.1")];
  assert.deepEqual(localEndpoints(all, 5, "weft0").map(String), ["192.0.2.1:5", "[2001:db8::1]:5"]);
  assert.deepEqual(localEndpoints([loopback, overlay], 5, "weft0").map(String), ["127.0.0.1:5"]);
});
