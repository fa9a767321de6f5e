import assert from "node:assert/strict";
import type { OptionName } from "./field.ts";
import { FIELD_ENTRIES } from "./fields.ts";
import { parseAgentOptions } from "./layers.ts";
import { optionText } from "./option_text.ts";

const told: Partial<Readonly<Record<OptionName, string | readonly string[]>>> = {
  address: "10.9.0.7",
  cidr: "fd00:9::/64",
  ephemeral: "10m",
  statusAddress: ["loopback", "overlay", "2001:db8::1"],
  statusNames: ["a.example", "b.example"],
  statusTokenFile: "/etc/weft.token",
  rootless: "yes",
  discoveryPeers: ["192.0.2.1:9", "192.0.2.2"],
  discoveryDhtBootstrap: ["dht.example.com:6881", "192.0.2.1:1"],
  endpoints: ["192.0.2.1:51820", "[2001:db8::1]:4"],
  stunServers: ["192.0.2.1:3478", "stun.example.com:3478"],
  labels: ["role=web", "tier="],
  statusPort: "off",
  dns: "off",
  dnsPorts: ["15353", "53"],
  dnsForward: ["9.9.9.9", "corp.example=[2001:db8::1]:5353", ".=system"],
  offers: ["80", "81=3000", "82=[::1]:3000", "83=db:5432 for role=web, tier=a", "84=84 for x in (a,b)"],
  forwardAllow: "role in (admin, ops)",
  networks: [
    "blue type=vxlan vni=1001 cidr=10.0.0.0/24,fd00:1::/64 mtu=1370 members='role in (web, db)'",
    "red underlay=plain remotes=192.0.2.7,2001:db8::7 group=239.1.1.1 interfaces=eth0 option=ttl=32 option=x=",
    "green",
  ],
  networkEndpoints: [
    "blue/web-1 mac=02-42-AC-11-00-02 ip=10.0.0.9/24 device=blue0 netns=/proc/1/ns/net foreign",
    "blue/web-2 foreign=false attach=eth1",
    "red/web-1",
  ],
  logCategories: ["mesh=debug", "dns=error"],
  testTimers: ["a=1"],
  testProtocols: ["mesh=2-3"],
};

for (const [name] of FIELD_ENTRIES) {
  Deno.test(`optionText() of ${name} is read as the same again`, () => {
    const value = told[name];
    const before = parseAgentOptions(value === undefined ? {} : { [name]: value })[name];
    if (before === undefined) return;
    // As it is kept.
    const text = JSON.parse(JSON.stringify(optionText(before)));
    assert.deepEqual(parseAgentOptions({ [name]: text })[name], before);
    assert(Array.isArray(text) ? text.every((item) => typeof item === "string") : typeof text === "string");
  });
}
