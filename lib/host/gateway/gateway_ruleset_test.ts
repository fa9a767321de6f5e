import assert from "node:assert/strict";
import { Cidr } from "../../net/mod.ts";
import { gatewayRuleset, type HostGateway } from "./mod.ts";

Deno.test("gatewayRuleset() masquerades towards its ways out, and separates networks from each other", () => {
  const text = gatewayRuleset({
    tableName: "weft_gateway_weft0",
    meshInterface: "weft0",
    routings: [],
    gateways: [gateway("blue", "10.0.0.0/24", "fd00:1::/64"), gateway("red", "10.1.0.0/24")],
    ways: ["weft0", "eth0"],
    opened: { 4: ["eth0"], 6: [] },
  });
  assert.equal(
    text,
    `table inet weft_gateway_weft0
delete table inet weft_gateway_weft0
table inet weft_gateway_weft0 {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "blue-gw" ip saddr != 10.0.0.0/24 counter drop comment "from an address of somebody else"
    iifname "blue-gw" ip6 saddr != fd00:1::/64 counter drop comment "from an address of somebody else"
    iifname "red-gw" ip saddr != 10.1.0.0/24 counter drop comment "from an address of somebody else"
    iifname "red-gw" meta nfproto ipv6 counter drop comment "from an address of somebody else"
    iifname { "blue-gw", "red-gw" } oifname != { "weft0", "eth0" } counter drop comment "from a network to no way out"
    iifname { "blue-gw", "red-gw" } ct state invalid counter drop comment "of no connection"
    iifname { "blue-gw", "red-gw" } accept
    oifname { "blue-gw", "red-gw" } ct state established,related accept
    oifname { "blue-gw", "red-gw" } counter drop comment "not asked for by a network"
    meta nfproto ipv4 iifname { "eth0" } counter drop comment "forwarded nothing before"
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname { "blue-gw", "red-gw" } ct state established,related accept
    iifname { "blue-gw", "red-gw" } meta l4proto { icmp, ipv6-icmp } accept
    iifname { "blue-gw", "red-gw" } counter drop comment "for this host itself"
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.0/24 oifname { "weft0", "eth0" } masquerade
    ip6 saddr fd00:1::/64 oifname { "weft0", "eth0" } masquerade
    ip saddr 10.1.0.0/24 oifname { "weft0", "eth0" } masquerade
  }
}
`,
  );
});

Deno.test("gatewayRuleset() drops nothing of interfaces that forwarded before", () => {
  const text = gatewayRuleset({
    tableName: "t",
    meshInterface: "weft0",
    routings: [],
    gateways: [gateway("blue", "10.0.0.0/24")],
    ways: ["weft0"],
    opened: { 4: [], 6: [] },
  });
  assert(!text.includes("forwarded nothing before"));
});

function gateway(network: string, ...blocks: readonly string[]): HostGateway {
  return {
    network,
    device: `${network}-gw`,
    blocks: blocks.map((text) => Cidr.parse(text)).filter((block) => block !== undefined),
  };
}
