import assert from "node:assert/strict";
import type { PeerReport, PolicyExplanation } from "../../../api/mod.ts";
import { Cidr, IpAddress } from "../../../net/mod.ts";
import { SamplePorts, sampleStatus } from "../../testing/sample_ports.ts";
import { explain } from "./explanation.ts";
import type { ExplanationFacts, RouteThere, StepName } from "./explanation_facts.ts";
import { explanationLines, routedBy } from "./explain_command.ts";
import { routeThere } from "./route_step.ts";

const [someone] = sampleStatus.peers;
assert(someone !== undefined);
const peer: PeerReport = {
  ...someone,
  name: "db-1",
  roles: ["member"],
  addresses: ["10.200.0.5"],
  healthy: true,
  isAway: false,
  score: 100,
  lossPercent: 0,
  rttMs: 0.9,
  lastHandshakeAgeMs: 4_000,
  channel: "open",
  path: "direct",
  way: { kind: "direct", endpoint: "192.0.2.7:51820", rttMs: 0.8, mtuBytes: 1_420, standbyCount: 0 },
};
const allowed: PolicyExplanation = {
  network: "mesh",
  source: "lead",
  destination: "db-1:5432",
  isAllowed: true,
  rule: "web#1",
  message: "lead may reach db-1:5432: web#1",
  steps: [],
  stale: [],
};
const record = { name: "db-1.weft.internal.", type: "A", ttlSeconds: 5, data: "10.200.0.5" };
const good: ExplanationFacts = {
  text: "db-1",
  target: "5432",
  status: {
    ...sampleStatus,
    network: { ...sampleStatus.network, cidr: "10.200.0.0/16" },
    dataplane: { kind: "fast", interfaceName: "weft0", mtuBytes: 1_420 },
    dns: {
      zone: "weft.internal.",
      endpoints: ["10.200.0.1:15353"],
      sockets: "fast",
      resolver: "resolv.conf",
      counters: {},
    },
    peers: [peer],
  },
  member: { name: "db-1" },
  route: undefined,
  resolved: { code: "NOERROR", isAuthoritative: true, answers: [record], authority: [] },
  hostAddresses: ["10.200.0.5"],
  routedBy: "weft0",
  policy: { there: allowed, back: { ...allowed, source: "db-1", destination: "lead:5432" } },
  services: [],
  offers: [],
};
const withPeer = (more: Partial<PeerReport>): ExplanationFacts => ({
  ...good,
  status: { ...good.status, peers: [{ ...peer, ...more }] },
});
const behind: RouteThere = {
  network: "192.168.50.0/24",
  node: "db-1",
  state: "approved",
  use: "carries",
  isExit: false,
};
const routed = (more: Partial<RouteThere>, facts: ExplanationFacts = good): ExplanationFacts => ({
  ...facts,
  text: "192.168.50.7",
  member: { name: null },
  route: { ...behind, ...more },
});
const lost = { rttMs: null, standbyCount: 0 } as const;
const rootlessThere = withPeer({ way: { ...lost, kind: "channel", problem: "rootless-there" } });
const { interfaceName: _none, ...planeless } = good.status.dataplane;
const rootlessHere: ExplanationFacts = {
  ...good,
  status: {
    ...withPeer({ way: { ...lost, kind: "channel", problem: "rootless-here" } }).status,
    dataplane: planeless,
  },
};
const offered = {
  node: "db-1",
  port: 5432,
  isLocal: false,
  isRestricted: false,
  isForAllPrograms: true,
};

Deno.test("explain() finds nothing broken where all holds", () => {
  const explanation = explain(good);
  assert.equal(explanation.isReachable, true);
  assert.equal(explanation.broken, null);
  assert.deepEqual(explanation.steps.map(({ state }) => state), Array(7).fill("ok"));
  const { terminal } = new SamplePorts();
  const text = explanationLines(explanation, terminal);
  assert.match(
    text,
    /^db-1 is reached\n├─ ok {6}name {6}db-1 is db-1\.weft\.internal, which this node answers\n/,
  );
  assert.match(text, /path {6}direct 192\.0\.2\.7:51820, 0\.80 ms, MTU 1420, handshake 4 s ago\n/);
  assert.match(text, /└─ ok {6}services {2}it offers none\n$/);
});

const { way: _, ...wayless } = peer;
const broken: readonly (readonly [string, ExplanationFacts, StepName, RegExp, RegExp])[] = [
  [
    "nobody of that name",
    { ...good, text: "db1", member: { name: null } },
    "name",
    /no member is called db1/,
    /Did you mean db-1\?/,
  ],
  [
    "an ambiguous name",
    { ...good, member: { problem: "two are called db-1", hint: "Write the id." } },
    "name",
    /two are/,
    /Write the id/,
  ],
  [
    "a name that is hidden",
    { ...good, resolved: { code: "NXDOMAIN", isAuthoritative: true, answers: [], authority: [] } },
    "name",
    /NXDOMAIN for db-1/,
    /weft policy show/,
  ],
  [
    "a route to elsewhere",
    { ...good, routedBy: "wg0" },
    "address",
    /which this host sends to wg0, not to weft0/,
    /ip route get 10\.200\.0\.5/,
  ],
  [
    "a device whose hub is gone",
    { ...withPeer({ hub: null }) },
    "member",
    /passes its packets on is gone/,
    /weft peer hub db-1/,
  ],
  [
    "packets that do not pass",
    withPeer({
      way: {
        ...lost,
        kind: "channel",
        problem: "udp-silent",
        relayProblem: "no-relay",
        why: "UDP is blocked",
      },
    }),
    "path",
    /packets do not/,
    /Let UDP out from port/,
  ],
  [
    "no way",
    withPeer({ way: { ...lost, kind: "none", problem: "unanswered", why: "it has answered nowhere" } }),
    "path",
    /it has answered nowhere/,
    /weft runs there/,
  ],
  [
    "a NAT",
    withPeer({ way: { ...lost, kind: "none", problem: "nat-varies" } }),
    "path",
    /nat-varies/,
    /config set relay on/,
  ],
  [
    "a device that has not come",
    { ...good, status: { ...good.status, peers: [wayless].map(({ endpoint: _, ...one }) => one) } },
    "path",
    /no endpoint is known/,
    /has to send first/,
  ],
  [
    "a policy",
    { ...good, policy: { there: { ...allowed, isAllowed: false, rule: "default" }, back: allowed } },
    "policy",
    /lead may not reach db-1:5432: default/,
    /weft policy explain lead db-1:5432/,
  ],
  [
    "a port that a rootless member does not offer",
    { ...rootlessThere, offers: [{ ...offered, port: 80 }, { ...offered, node: "db-2" }] },
    "offer",
    /db-1 does not offer port 5432, and has no interface/,
    /weft offer 5432. on db-1/,
  ],
  [
    "a UDP port of a rootless member",
    { ...rootlessThere, target: "udp/53" },
    "offer",
    /nothing but TCP ports/,
    /--no-rootless/,
  ],
  [
    "silence",
    withPeer({ healthy: false, failureCount: 3, score: 0 }),
    "health",
    /3 probes without an answer/,
    /weft ping db-1/,
  ],
  [
    "a network that is offered and not approved",
    routed({ state: "offered", use: "none" }),
    "name",
    /^192\.168\.50\.7 is in 192\.168\.50\.0\/24, to which db-1 would lead: no leader has approved it yet$/,
    /weft route approve 192\.168\.50\.0\/24 db-1/,
  ],
  [
    "a network to which this host has a way of its own",
    routed({ use: "none", problem: "this host has a route there" }),
    "name",
    /db-1 leads, but not for this node: this host has a route there$/,
    /weft route list/,
  ],
  [
    "an address behind a member that this host sends elsewhere",
    routed({}, { ...good, routedBy: "eth1" }),
    "address",
    /^192\.168\.50\.7, which this host sends to eth1, not to weft0/,
    /ip route get 192\.168\.50\.7/,
  ],
];
for (const [what, facts, step, detail, hint] of broken) {
  Deno.test(`explain() names what breaks with ${what}, and what mends it`, () => {
    const explanation = explain(facts);
    assert.equal(explanation.broken, step);
    assert.equal(explanation.isReachable, false);
    const found = explanation.steps.find((each) => each.state === "broken");
    assert.match(found?.detail ?? "", detail);
    assert.match(found?.hint ?? "", hint);
    assert.match(
      explanationLines(explanation, new SamplePorts().terminal),
      /is not reached: the \w+ is what breaks\n/,
    );
  });
}

const warned: readonly (readonly [string, ExplanationFacts, StepName, RegExp])[] = [
  [
    "programs that are told another address",
    { ...good, hostAddresses: ["192.0.2.1"] },
    "name",
    /are told 192\.0\.2\.1/,
  ],
  ["programs that are told nothing", { ...good, hostAddresses: [] }, "name", /do not find it/],
  ["a member that is away", withPeer({ isAway: true, lastSeenMs: 0 }), "member", /1970/],
  [
    "a policy that denies the way back",
    { ...good, policy: { there: allowed, back: { ...allowed, isAllowed: false, rule: "default" } } },
    "policy",
    /not the other way round: default/,
  ],
  [
    "members that enforce another revision",
    { ...good, policy: { there: { ...allowed, stale: ["db-1"] }, back: allowed } },
    "policy",
    /db-1 enforces another/,
  ],
  ["a port that is not offered, and this node rootless", rootlessHere, "offer", /--forward-allow/],
  ["lost probes", withPeer({ lossPercent: 25 }), "health", /25 % lost/],
];
for (const [what, facts, step, detail] of warned) {
  Deno.test(`explain() warns of ${what}`, () => {
    const explanation = explain(facts);
    assert.equal(explanation.broken, null);
    const found = explanation.steps.find((each) => each.state === "warning");
    assert.equal(found?.step, step);
    assert.match(found.detail, detail);
    assert.notEqual(found.hint ?? "", "");
  });
}

Deno.test("explain() says how a port that is offered is reached, and says nothing of offers where packets go", () => {
  const offer = (facts: ExplanationFacts) => explain(facts).steps.find(({ step }) => step === "offer");
  assert.match(
    offer({ ...rootlessThere, offers: [offered] })?.detail ?? "",
    /^db-1 offers port 5432 to every member: programs/,
  );
  const forwarded = { ...offered, isForAllPrograms: false, isRestricted: true };
  assert.match(
    offer({ ...good, offers: [forwarded] })?.detail ?? "",
    /some members: .weft forward. and .weft proxy. lead/,
  );
  for (const target of ["", "icmp", "udp/53"]) {
    assert.equal(offer({ ...good, target, offers: [offered] }), undefined);
  }
  assert.equal(offer(good), undefined);
  assert.equal(offer({ ...rootlessThere, offers: undefined }), undefined);
});

Deno.test("explain() follows an address behind a member as far as that member", () => {
  const explanation = explain(routed({}));
  assert.equal(explanation.isReachable, true);
  assert.match(explanation.steps[0]?.detail ?? "", /in 192\.168\.50\.0\/24, to which db-1 leads$/);
  assert.match(
    explanationLines(explanation, new SamplePorts().terminal),
    /^192\.168\.50\.7 is reached as far as db-1, which leads there\n/,
  );
  // The main table does not tell what goes out by an exit.
  const exit = explain(routed({ network: "0.0.0.0/0", isExit: true }, { ...good, routedBy: "eth0" }));
  assert.equal(exit.isReachable, true);
  assert.match(exit.steps[0]?.detail ?? "", /behind the exit db-1$/);
  const own = explain(routed({ node: "lead", use: "here" }));
  assert.match(own.steps[0]?.detail ?? "", /to which this node itself leads$/);
});

Deno.test("routeThere() is what carries, else what says why nothing does", () => {
  const route = { ...behind, masquerade: true };
  const device = { ...peer, name: "router", allowedIps: ["10.200.0.9/32", "192.168.7.0/24"] };
  const { way: _none, ...plain } = device;
  const routes = [
    { ...route, network: "0.0.0.0/0", isExit: true, use: "none", node: "out" },
    { ...route, network: "192.168.50.0/28", state: "offered", use: "none", node: "other" },
    route,
    { ...route, network: "192.168.60.0/24", state: "offered", use: "none" },
  ] as const;
  const node = (text: string) => routeThere(text, routes, { ...good.status, peers: [plain, peer] })?.node;
  assert.equal(node("192.168.50.7"), "db-1");
  assert.equal(node("192.168.60.1"), "db-1");
  assert.equal(node("192.168.7.1"), "router");
  assert.equal(node("198.51.100.1"), undefined);
  assert.equal(node("web-1"), undefined);
  const used = { ...route, network: "0.0.0.0/0", isExit: true, node: "out" };
  assert.equal(routeThere("198.51.100.1", [used], good.status)?.node, "out");
  assert.equal(routeThere("192.168.50.7", [used, route], good.status)?.node, "db-1");
  assert.equal(routeThere("10.200.0.77", [used], good.status), undefined);
  assert.equal(routeThere("fd00::1", [used], good.status), undefined);
});

Deno.test("explain() knows this node itself", () => {
  const explanation = explain({ ...good, text: "lead", member: { name: "lead" }, hostAddresses: undefined });
  assert.equal(explanation.isReachable, true);
  assert.match(explanation.steps.at(-1)?.detail ?? "", /this node itself/);
});

Deno.test("routedBy() is the most specific route of the main table", () => {
  const cidr = (text: string): Cidr => Cidr.parse(text) ?? assert.fail(text);
  const address = IpAddress.parse("10.200.0.5") ?? assert.fail();
  const routes = [
    { cidr: cidr("10.200.0.0/16"), interfaceName: "weft0", table: 254 },
    { cidr: cidr("10.200.0.0/24"), interfaceName: "wg0", table: 254 },
    { cidr: cidr("10.200.0.5/32"), interfaceName: "lo", table: 255 },
    { cidr: cidr("::/0"), interfaceName: "eth0", table: 254 },
  ];
  assert.equal(routedBy(routes, address), "wg0");
  assert.equal(routedBy([], address), undefined);
});
