import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { Authority, dataText, DomainName, parseType, reverseOrigins } from "../../dns/mod.ts";
import { type Grants, type MemberRecord, NO_GRANTS, Replica } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import type { AdvertisedService } from "../../service/mod.ts";
import { Authority as Members } from "../authority/mod.ts";
import { type OfferedService, ServiceNameSync } from "./service_name_sync.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const zone = DomainName.parse("weft.internal") ?? assert.fail();

const web: AdvertisedService = {
  path: "web",
  version: "1.2.0",
  description: "",
  state: "running",
  actions: [],
  events: [],
  elects: false,
  port: 8080,
  protocol: "http",
};

class Fixture {
  readonly network: TestNetwork = new TestNetwork(12);
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly authority: Authority;
  readonly names: ServiceNameSync;
  readonly nodes = [this.network.node(), this.network.node()].sort((a, b) => a.id < b.id ? -1 : 1);
  readonly replica: Replica;
  offered: OfferedService[] = [];
  /** What leaders have added, as absolute names. */
  added: string[] = [];
  changes = 0;
  #version = 0;

  /** Two nodes called `host`, which were granted the paths of the tests. */
  constructor(
    grants: Partial<Grants> = { offer: ["web", "orders/eu", "other:web"] },
    ttls = { memberSeconds: 300, serviceSeconds: 5 },
  ) {
    const { id: networkId, verifyingKey } = this.network.identity;
    const { clock, timers } = this;
    this.replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
    const authority = new Members({ replica: this.replica, network: this.network.identity });
    const { roster } = this.replica;
    this.authority = new Authority({ origins: [zone, ...reverseOrigins(cidr)], server: zone, serial: 1 });
    for (const i of this.nodes.keys()) this.sign(i, { name: "host", grants: { ...NO_GRANTS, ...grants } });
    const setRecords = (...group: Parameters<Authority["setGroup"]>) => {
      this.changes++;
      this.authority.setGroup(...group);
    };
    const offered = () => this.offered;
    const isWrittenByLeaders = (name: DomainName): boolean => this.added.includes(name.toString());
    const parts = {
      roster,
      zone,
      cidrs: [cidr],
      timers,
      sink: { setRecords },
      offered,
      authority,
      ...ttls && { ttls },
    };
    this.names = new ServiceNameSync({ ...parts, isWrittenByLeaders });
  }

  /** Signs the record of a node anew. */
  sign(node: number, fields: Partial<MemberRecord>): void {
    const identity = this.nodes[node] ?? assert.fail();
    const addresses = [address(`10.200.0.${node + 2}`)];
    const signed = this.network.signed(identity, { addresses, ...fields, version: ++this.#version });
    assert.match(this.replica.roster.merge(signed), /added|updated/);
    this.replica.deliverEvents();
  }

  /** @returns whether there are records of a name, or below it */
  has(name: string): boolean {
    const text = `${name}.weft.internal.`;
    return this.authority.records().some(({ record }) =>
      record.name.toString().toLowerCase() === text ||
      record.name.toString().toLowerCase().endsWith(`.${text}`)
    );
  }

  offer(node: number, changes: Partial<AdvertisedService> = {}, isHealthy = true): OfferedService {
    const nodeId = this.nodes[node]?.id ?? assert.fail();
    return { nodeId, service: { ...web, ...changes }, isHealthy };
  }

  ask(name: string, type: string): readonly string[] {
    const owner = DomainName.parse(`${name}.weft.internal`) ?? assert.fail();
    const answer = this.authority.answer({ name: owner, type: parseType(type) ?? 0, class: 1 });
    return answer?.answers.map((each) => dataText(each.type, each.data)).sort() ?? [];
  }
}

Deno.test("ServiceNameSync serves what healthy nodes offer, and no more", () => {
  const fixture = new Fixture();
  fixture.offered = [fixture.offer(0), fixture.offer(1)];
  fixture.names.follow();
  // Both are called host, and the lower id has the name.
  assert.deepEqual(fixture.ask("_http._tcp.web", "SRV"), [
    "0 0 8080 host.weft.internal.",
    "0 0 8080 node-0-3.weft.internal.",
  ]);
  assert.deepEqual(fixture.ask("_http._tcp.web", "A"), ["10.200.0.2", "10.200.0.3"]);
  assert.deepEqual(fixture.ask("web", "A"), ["10.200.0.2", "10.200.0.3"]);
  assert.deepEqual(fixture.ask("_http._tcp.web", "TXT"), ['"version=1.2.0" "path=web"']);
  const { changes } = fixture;
  fixture.names.follow();
  assert.equal(fixture.changes, changes, "what stays is left alone");
  for (
    const gone of [
      fixture.offer(1, { state: "paused" }),
      fixture.offer(1, {}, false),
      fixture.offer(1, { port: 0 }),
    ]
  ) {
    fixture.offered = [fixture.offer(0), fixture.offer(1)];
    fixture.names.follow();
    fixture.offered = [fixture.offer(0), gone];
    fixture.names.follow();
    assert.deepEqual(fixture.ask("web", "A"), ["10.200.0.2"]);
  }
  fixture.offered = [];
  fixture.names.follow();
  assert.deepEqual(fixture.ask("_http._tcp.web", "SRV"), []);
  assert.deepEqual(fixture.ask("web", "A"), []);
});

Deno.test("ServiceNameSync has names hold for as long as it is told", () => {
  const fixture = new Fixture({ offer: ["web"] }, { memberSeconds: 60, serviceSeconds: 2 });
  fixture.offered = [fixture.offer(0)];
  fixture.names.follow();
  const held = fixture.authority.records().filter(({ record }) => `${record.name}`.includes("web"))
    .map(({ record }) => record.ttlSeconds);
  assert.deepEqual(held, [2, 2, 2, 2], "SRV, TXT, and both addresses");
});

const labels: readonly (readonly [Partial<AdvertisedService>, string])[] = [
  [{ protocol: "tcp" }, "_web._tcp.web"],
  [{ protocol: "udp" }, "_web._udp.web"],
  [{ protocol: "" }, "_web._tcp.web"],
  [{ protocol: "dns/udp" }, "_dns._udp.web"],
  [{ path: "orders/eu" }, "_http._tcp.orders-eu"],
];
for (const [changes, name] of labels) {
  Deno.test(`ServiceNameSync calls ${JSON.stringify(changes)} ${name}`, () => {
    const fixture = new Fixture();
    fixture.offered = [fixture.offer(0, changes)];
    fixture.names.follow();
    assert.deepEqual(fixture.ask(name, "SRV"), ["0 0 8080 host.weft.internal."]);
  });
}

const unfit: readonly (readonly [string, Partial<AdvertisedService>])[] = [
  ["a path that matches all", { path: "*" }],
  ["a path of the network's own", { path: "leader" }],
  ["a path like an address", { path: "node-0-2" }],
  ["a path that programs look for", { path: "wpad" }],
  ["the same in capitals", { path: "WPAD" }],
  ["a path with an underscore in front", { path: "_tcp" }],
  ["a path with dots", { path: "a.b" }],
  ["a path with a hyphen at its end", { path: "a-" }],
  ["a path of the node itself", { path: "$registry" }],
  ["a path with a parameter", { path: "{x}" }],
  ["no path", { path: "" }],
  ["a protocol with an underscore", { path: "web", protocol: "_x" }],
  ["a protocol that is too long", { path: "web", protocol: "x".repeat(16) }],
  ["a transport that is none", { path: "web", protocol: "http/sctp" }],
  ["too many parts", { path: "web", protocol: "http/tcp/x" }],
  ["a port above all", { path: "web", port: 65_536 }],
  ["a port below all", { path: "web", port: -1 }],
  ["half a port", { path: "web", port: 80.5 }],
];
for (const [title, changes] of unfit) {
  Deno.test(`ServiceNameSync gives no name to ${title}, whatever was granted`, () => {
    const fixture = new Fixture({ offer: ["*:>"] });
    fixture.offered = [fixture.offer(0, changes)];
    fixture.names.follow();
    assert.deepEqual(fixture.authority.records().filter(({ source }) => source !== "zone"), []);
  });
}

Deno.test("ServiceNameSync gives a bare name to what was granted, not to what was claimed, and nothing without either", () => {
  const fixture = new Fixture({});
  fixture.offered = [fixture.offer(0), fixture.offer(1)];
  const follow = () => {
    fixture.names.follow();
    return [fixture.ask("_http._tcp.web", "A"), fixture.ask("web", "A")];
  };
  assert.deepEqual(follow(), [[], []]);
  fixture.sign(0, { name: "a", grants: { ...NO_GRANTS, claimed: ["web"] } });
  assert.deepEqual(follow(), [["10.200.0.2"], []]);
  fixture.sign(1, { name: "b", grants: { ...NO_GRANTS, offer: ["web"] } });
  assert.deepEqual(follow()[1], ["10.200.0.3"]);
  assert.ok(follow()[0]?.includes("10.200.0.3"));
  fixture.added = ["web.weft.internal."];
  assert.deepEqual(follow(), [[], []], "leaders have written the name");
});

Deno.test("ServiceNameSync gives who claimed a path nothing below the name of another member", () => {
  const fixture = new Fixture({});
  fixture.offered = [fixture.offer(0)];
  fixture.sign(0, { name: "a", grants: { ...NO_GRANTS, claimed: ["web"] } });
  fixture.sign(1, { name: "web" });
  fixture.names.follow();
  assert.equal(fixture.has("web"), false);
  fixture.sign(1, { name: "b" });
  fixture.sign(0, { name: "web", grants: { ...NO_GRANTS, claimed: ["web"] } });
  fixture.names.follow();
  assert.deepEqual(fixture.ask("_http._tcp.web", "A"), ["10.200.0.2"], "its own");
});

for (const [path, similar] of [["web", "WEB"], ["a-b", "a/b"], ["orders/eu", "Orders/EU"]] as const) {
  Deno.test(`ServiceNameSync gives one of ${path} and ${similar} the name that both have, the granted one first`, () => {
    const fixture = new Fixture({});
    const label = path.toLowerCase().replace("/", "-");
    for (const granted of [path, similar]) {
      fixture.sign(0, {
        name: "a",
        grants: { ...NO_GRANTS, [granted === path ? "offer" : "claimed"]: [path] },
      });
      fixture.sign(1, {
        name: "b",
        grants: { ...NO_GRANTS, [granted === path ? "claimed" : "offer"]: [similar] },
      });
      fixture.offered = [fixture.offer(0, { path }), fixture.offer(1, { path: similar })];
      fixture.names.follow();
      const expected = [granted === path ? "10.200.0.2" : "10.200.0.3"];
      assert.deepEqual(fixture.ask(`_http._tcp.${label}`, "A"), expected);
      assert.deepEqual(fixture.ask(label, "A"), expected);
    }
  });
}

Deno.test("ServiceNameSync leaves out what has no name, or is nobody's, and follows changes together", () => {
  const fixture = new Fixture();
  const long = "x".repeat(64);
  fixture.offered = [
    fixture.offer(0, { path: long }),
    fixture.offer(0, { protocol: long }),
    fixture.offer(0, { path: "other:web" }),
    { ...fixture.offer(0), nodeId: fixture.network.node().id },
  ];
  fixture.names.follow();
  assert.deepEqual(fixture.ask("web", "A"), []);
  fixture.offered = [fixture.offer(0)];
  for (let i = 0; i < 5; i++) fixture.names.followSoon();
  const { changes } = fixture;
  fixture.timers.advance(100);
  assert.deepEqual(fixture.ask("web", "A"), ["10.200.0.2"]);
  assert.ok(fixture.changes > changes);
  fixture.names.close();
  fixture.offered = [];
  fixture.names.followSoon();
  fixture.timers.advance(100);
  assert.deepEqual(fixture.ask("web", "A"), ["10.200.0.2"]);
});
