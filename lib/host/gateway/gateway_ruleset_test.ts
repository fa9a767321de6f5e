import assert from "node:assert/strict";
import { Cidr, IpAddress } from "../../net/mod.ts";
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

Deno.test("gatewayRuleset() leads members to a network and lets in what answers them, or what begins there", () => {
  const rules = (masquerade: boolean) =>
    gatewayRuleset({ ...NONE, routings: [{ prefix: LAN, masquerade, ways: ["eth1"], except: [] }] });
  const there = 'iifname "weft0" ip daddr 192.168.50.0/24 oifname { "eth1" }';
  const back = 'iifname { "eth1" } oifname "weft0" ip saddr 192.168.50.0/24';
  for (const masquerade of [true, false]) {
    const text = rules(masquerade);
    assert(text.includes(`    ${there} accept\n`));
    assert(text.includes(`    ${back} ct state established,related accept\n`));
    assert.equal(text.includes(`    ${back} accept\n`), !masquerade);
    assert.equal(text.includes(`    ${there} masquerade\n`), masquerade);
    // What else comes in by interfaces that forwarded nothing before goes nowhere.
    assert.match(
      text,
      /nfproto ipv4 iifname \{ "weft0", "eth1" \} counter drop comment "forwarded nothing before"\n {2}\}/,
    );
  }
});

Deno.test("gatewayRuleset() leads to a named network before an exit, and by the exit to nothing beside it", () => {
  const everything = cidr("0.0.0.0/0");
  const text = gatewayRuleset({
    ...NONE,
    routings: [
      { prefix: everything, masquerade: true, ways: ["eth0"], except: [cidr("10.1.0.0/16"), LAN] },
      { prefix: LAN, masquerade: true, ways: ["eth1"], except: [] },
    ],
    resolvers: [IpAddress.parse("9.9.9.9") ?? assert.fail()],
  });
  const at = (line: string) => {
    const found = text.indexOf(line);
    assert(found >= 0, line);
    return found;
  };
  const named = at('ip daddr 192.168.50.0/24 oifname { "eth1" } accept');
  const beside = at('ip daddr { 10.1.0.0/16, 192.168.50.0/24 } counter drop comment "beside the exit"');
  const out = at('ip daddr 0.0.0.0/0 oifname { "eth0" } accept');
  assert(named < beside && beside < out);
  const own = at('iifname "weft0" fib daddr type local accept');
  const server = at('iifname "weft0" ip daddr { 192.168.50.0/24 } accept');
  const names = at("th dport 53 dnat ip to 9.9.9.9");
  assert(own < names && server < names, "who has a server there asks it");
});

const LAN = cidr("192.168.50.0/24");
const NONE = {
  tableName: "t",
  meshInterface: "weft0",
  gateways: [],
  routings: [],
  ways: ["weft0", "eth0"],
  opened: { 4: ["weft0", "eth1"], 6: [] },
};

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

function gateway(network: string, ...blocks: readonly string[]): HostGateway {
  return {
    network,
    device: `${network}-gw`,
    blocks: blocks.map((text) => Cidr.parse(text)).filter((block) => block !== undefined),
  };
}
