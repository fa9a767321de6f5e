import assert from "node:assert/strict";
import { MemoryStateStore, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { Authority, dataText, DomainName, parseType, reverseOrigins } from "../../dns/mod.ts";
import { Roster } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import type { AdvertisedService } from "../../service/mod.ts";
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
  offered: OfferedService[] = [];
  changes = 0;

  constructor() {
    const { id: networkId, verifyingKey } = this.network.identity;
    const { clock, timers } = this;
    const roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock });
    this.authority = new Authority({ origins: [zone, ...reverseOrigins(cidr)], server: zone, serial: 1 });
    for (const [i, node] of this.nodes.entries()) {
      roster.merge(this.network.signed(node, { name: "host", addresses: [address(`10.200.0.${i + 2}`)] }));
    }
    const setRecords = (...group: Parameters<Authority["setGroup"]>) => {
      this.changes++;
      this.authority.setGroup(...group);
    };
    const offered = () => this.offered;
    this.names = new ServiceNameSync({ roster, zone, cidrs: [cidr], timers, sink: { setRecords }, offered });
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
