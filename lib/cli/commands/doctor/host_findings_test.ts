import assert from "node:assert/strict";
import type { TokenReport } from "../../../api/mod.ts";
import { Cidr } from "../../../net/mod.ts";
import { sampleStatus } from "../../testing/sample_ports.ts";
import { Firewall } from "./firewall.ts";
import type { HostFacts } from "./host_facts.ts";
import { hostFindings, type HostFindingsInput } from "./host_findings.ts";

const cidr = (text: string): Cidr => Cidr.parse(text) ?? assert.fail(text);
const route = (text: string, interfaceName: string | undefined) => ({
  cidr: cidr(text),
  interfaceName,
  table: 254,
});
const own = route("10.200.0.0/16", "weft0");
const facts: HostFacts = {
  routes: [own, route("0.0.0.0/0", "eth0")],
  interfaces: ["lo", "eth0", "weft0"],
  outside: "eth0",
  ruleset: '{"nftables": []}',
  freeBytes: 10e9,
  unit: undefined,
  sysctl: () => undefined,
};
const [peer] = sampleStatus.peers;
assert(peer !== undefined);
const status = {
  ...sampleStatus,
  version: "0.1.0",
  node: { ...sampleStatus.node, addresses: ["10.200.0.1", "fd00::1"] },
  network: { ...sampleStatus.network, cidr: "10.200.0.0/16" },
  dataplane: { kind: "fast", interfaceName: "weft0", mtuBytes: 1_420 } as const,
  peers: [{ ...peer, version: "0.1.0" }],
};
const good: HostFindingsInput = {
  facts,
  status,
  port: 51820,
  rootless: false,
  version: "0.1.0",
  stateDir: "/var/lib/weft",
  tokens: [],
  changes: [],
  wallMs: 0,
};
const broken = (more: Partial<HostFacts>, input: Partial<HostFindingsInput> = {}): HostFindingsInput => ({
  ...good,
  ...input,
  facts: { ...facts, ...more },
});
const token: TokenReport = {
  id: "27fd3038404f7c4e",
  createdAt: 0,
  expiresAt: 30 * 86_400_000,
  usesLeft: null,
  used: 0,
  labels: {},
  grants: { services: [], publish: [], subscribe: [], names: [] } as unknown as TokenReport["grants"],
  state: "usable",
};
const sysctl = (settings: Readonly<Record<string, string>>) => ({ sysctl: (name: string) => settings[name] });
const beyond = { ...status, peers: [{ ...peer, allowedIps: ["10.200.0.2/32", "192.168.50.0/24"] }] };

Deno.test("hostFindings() finds nothing on a good host", () => {
  const findings = [...hostFindings(good)];
  assert.deepEqual(findings.filter(([, { kind }]) => kind !== "ok"), []);
  assert.deepEqual(findings.map(([name]) => name), ["disk", "routes", "firewall", "versions", "tokens"]);
  const unknown = { ...facts, routes: undefined, ruleset: undefined, freeBytes: undefined };
  assert.deepEqual([...hostFindings({ ...good, facts: unknown, status: undefined, tokens: undefined })], []);
});

const cases:
  readonly (readonly [string, HostFindingsInput, string, "problem" | "warning", RegExp, RegExp])[] = [
    [
      "a full disk",
      broken({ freeBytes: 1e6 }),
      "disk",
      "problem",
      /the disk is nearly full: 1\.0 MB are free/,
      /df -h/,
    ],
    ["little room", broken({ freeBytes: 100e6 }), "disk", "warning", /100 MB are free/, /delete/],
    [
      "a more specific route",
      broken({ routes: [own, route("10.200.3.0/24", "wg0")] }),
      "routes",
      "problem",
      /10\.200\.3\.0\/24 .* goes to wg0, not to weft0/,
      /ip route del 10\.200\.3\.0\/24 dev wg0/,
    ],
    [
      "a route that forbids",
      broken({ routes: [own, route("10.200.3.0/24", undefined)] }),
      "routes",
      "problem",
      /goes to nowhere/,
      /ip route del 10\.200\.3\.0\/24`/,
    ],
    [
      "its own route, gone",
      broken({ routes: [route("0.0.0.0/0", "eth0")] }),
      "routes",
      "problem",
      /taken away the route/,
      /ip route add 10\.200\.0\.0\/16 dev weft0/,
    ],
    [
      "another VPN that takes all",
      broken({ interfaces: ["tailscale0"], routes: [own, route("0.0.0.0/1", "tailscale0")] }),
      "other VPN",
      "warning",
      /tailscale0 takes everything/,
      /exit off/,
    ],
    [
      "strict reverse paths",
      broken(sysctl({ "net/ipv4/conf/all/rp_filter": "1" }), { status: beyond }),
      "rp_filter",
      "warning",
      /strict on weft0/,
      /sysctl -w net\.ipv4\.conf\.weft0\.rp_filter=2/,
    ],
    [
      "a router that does not forward",
      broken(sysctl({ "net/ipv4/conf/weft0/forwarding": "0" }), {
        changes: ["the forwarding of IPv4 from weft0"],
      }),
      "forwarding",
      "problem",
      /somebody has switched forwarding from weft0 off/,
      /forwarding=1/,
    ],
    [
      "IPv6 that is off",
      broken(sysctl({ "net/ipv6/conf/weft0/disable_ipv6": "1" })),
      "IPv6",
      "warning",
      /switched off on weft0/,
      /disable_ipv6=0/,
    ],
    [
      "an agent of another release",
      { ...good, version: "0.2.0" },
      "versions",
      "warning",
      /runs is weft 0\.1\.0, this program is 0\.2\.0/,
      /systemctl restart weft/,
    ],
    [
      "members of another release",
      { ...good, status: { ...status, peers: [{ ...peer, version: "0.0.9" }] } },
      "versions",
      "warning",
      /web-1 0\.0\.9|phone 0\.0\.9/,
      /members first/,
    ],
    [
      "a unit that starts nothing",
      broken({ unit: { path: "/etc/systemd/system/weft.service", text: "", missing: ["/opt/weft"] } }),
      "unit",
      "problem",
      /starts \/opt\/weft, which is not there/,
      /weft install && systemctl daemon-reload/,
    ],
    [
      "a unit of an earlier release",
      broken({ unit: { path: "/u", text: "[Service]\nExecStart=x\n", missing: [] } }),
      "unit",
      "warning",
      /can't be reloaded/,
      /weft install/,
    ],
    [
      "an open token",
      { ...good, tokens: [token] },
      "tokens",
      "warning",
      /1 token let any number/,
      /weft token revoke 27fd/,
    ],
  ];
for (const [what, input, name, kind, detail, hint] of cases) {
  Deno.test(`hostFindings() finds ${what}, and says what mends it`, () => {
    const finding = hostFindings(input).get(name);
    assert(finding !== undefined && finding.kind === kind, JSON.stringify(finding));
    assert.match(finding.detail, detail);
    assert.match(finding.hint, hint);
  });
}

Deno.test("hostFindings() has nothing against another VPN that takes nothing of weft's", () => {
  const finding = hostFindings(broken({ interfaces: ["tailscale0", "wg0", "weft0", "eth0"] })).get(
    "other VPN",
  );
  assert.deepEqual(finding, {
    kind: "ok",
    detail: "tailscale0, wg0 of another VPN, which takes no packets of weft's",
  });
});

const chain = (policy: string, hook = "input") => ({
  chain: { family: "inet", table: "filter", name: hook, type: "filter", hook, prio: 0, policy },
});
const rule = (...expr: readonly unknown[]) => ({
  rule: { family: "inet", table: "filter", chain: "input", expr },
});
const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
const dport = (protocol: string) => ({ payload: { protocol, field: "dport" } });
const state = { ct: { key: "state" } };
const drops = (...items: readonly unknown[]) => {
  const firewall = new Firewall(JSON.stringify({ nftables: items }));
  return firewall.dropped({ hook: "input", protocol: "udp", port: 51820, interfaceName: "eth0" });
};

Deno.test("Firewall.dropped() goes through the rules as the kernel does", () => {
  assert.equal(drops(chain("accept")), undefined);
  assert.deepEqual(drops(chain("drop")), {
    chain: "inet filter input",
    family: "inet",
    table: "filter",
    chainName: "input",
    isPolicy: true,
  });
  assert.equal(drops(chain("drop"), rule(match(dport("udp"), 51820), { accept: null })), undefined);
  assert.equal(
    drops(
      chain("drop"),
      rule(match(dport("udp"), { set: [22, { range: [51800, 51900] }] }), { accept: null }),
    ),
    undefined,
  );
  assert.ok(drops(chain("drop"), rule(match(dport("tcp"), 51820), { accept: null })));
  assert.ok(drops(chain("drop"), rule(match(state, ["established", "related"], "in"), { accept: null })));
  assert.equal(
    drops(chain("drop"), rule(match(state, { set: ["new", "established"] }), { accept: null })),
    undefined,
  );
  assert.ok(
    drops(chain("accept"), rule(match(dport("udp"), 51820), { counter: { packets: 1 } }, { drop: null }))
      ?.isPolicy === false,
  );
  assert.ok(drops(chain("accept"), rule(match({ meta: { key: "iifname" } }, "eth*"), { reject: null })));
  assert.equal(
    drops(chain("accept"), rule(match({ meta: { key: "iifname" } }, "eth0", "!="), { drop: null })),
    undefined,
  );
});

Deno.test("Firewall.dropped() follows jumps, and passes over what it does not know", () => {
  const sub = { chain: { family: "inet", table: "filter", name: "vpn" } };
  const inSub = (...expr: readonly unknown[]) => ({
    rule: { family: "inet", table: "filter", chain: "vpn", expr },
  });
  assert.equal(
    drops(
      chain("drop"),
      sub,
      rule({ jump: { target: "vpn" } }),
      inSub(match(dport("udp"), 51820), { accept: null }),
    ),
    undefined,
  );
  assert.ok(drops(chain("drop"), sub, rule({ goto: { target: "vpn" } }), rule({ accept: null })));
  assert.ok(
    drops(
      chain("drop"),
      sub,
      rule({ jump: { target: "vpn" } }),
      inSub({ return: null }),
      inSub({ accept: null }),
    ),
  );
  assert.equal(drops(chain("accept"), rule({ xt: null }, { drop: null })), undefined);
  assert.equal(drops(chain("accept"), rule(match({ fib: {} }, 1), { drop: null })), undefined);
  assert.equal(drops(sub, inSub({ drop: null })), undefined, "nothing leads there");
  for (const text of ["", "{", "[]", '{"nftables": 7}', '{"nftables": [{"rule": {}}]}']) {
    assert.equal(
      new Firewall(text).dropped({ hook: "input", protocol: "udp", port: 1, interfaceName: "" }),
      undefined,
    );
  }
  // A chain that leads to itself ends.
  assert.ok(drops(chain("drop"), sub, rule({ jump: { target: "vpn" } }), inSub({ jump: { target: "vpn" } })));
});
