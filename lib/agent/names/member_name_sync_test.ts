import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, unixMillis, VirtualClock } from "../../base/mod.ts";
import { Authority, dataText, DomainName, parseType, reverseOrigins } from "../../dns/mod.ts";
import { type MemberRecord, Roster } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import { MemberNameSync } from "./member_name_sync.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const zone = DomainName.parse("weft.internal") ?? assert.fail();

class Fixture {
  readonly network: TestNetwork = new TestNetwork(11);
  readonly clock: VirtualClock = new VirtualClock(START);
  readonly roster: Roster;
  readonly authority: Authority;
  readonly names: MemberNameSync;

  constructor() {
    const { id: networkId, verifyingKey } = this.network.identity;
    const { clock } = this;
    this.roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock });
    this.authority = new Authority({ origins: [zone, ...reverseOrigins(cidr)], server: zone, serial: 1 });
    this.names = new MemberNameSync({
      roster: this.roster,
      zone,
      cidrs: [cidr],
      sink: { setRecords: (...group) => this.authority.setGroup(...group) },
    });
  }

  merge(node: ReturnType<TestNetwork["node"]>, fields: Partial<MemberRecord>): void {
    this.roster.merge(this.network.signed(node, fields));
    this.follow();
  }

  follow(): void {
    for (let event = this.roster.pollEvent(); event !== undefined; event = this.roster.pollEvent()) {
      this.names.handleRosterEvent(event);
    }
  }

  ask(name: string, type = "A"): string {
    const question = { name: DomainName.parse(name) ?? assert.fail(), type: parseType(type) ?? 0, class: 1 };
    const answer = this.authority.answer(question);
    return answer?.answers.map((each) => dataText(each.type, each.data)).join(" ") ?? "refused";
  }
}

Deno.test("MemberNameSync has names hold for as long as it is told", () => {
  const { network, roster, authority } = new Fixture();
  const fields = {
    name: "web",
    addresses: [address("10.200.1.100")],
    roles: ["leader"],
    version: 1,
  } as const;
  roster.merge(network.signed(network.node(), fields));
  const sink = { setRecords: (...group: Parameters<Authority["setGroup"]>) => authority.setGroup(...group) };
  const ttls = { memberSeconds: 60, serviceSeconds: 2 };
  new MemberNameSync({ roster, zone, cidrs: [cidr], sink, ttls }).start();
  const held = authority.records().filter(({ source }) => source !== "zone")
    .map(({ record }) => `${record.name} ${record.ttlSeconds}`).sort();
  assert.deepEqual(held, [
    "100.1.200.10.in-addr.arpa. 60",
    "leader.weft.internal. 2",
    "node-1-100.weft.internal. 60",
    "web.weft.internal. 60",
  ]);
});

Deno.test("MemberNameSync follows members that come, change, and go", () => {
  const fixture = new Fixture();
  const node = fixture.network.node();
  fixture.merge(node, { name: "web", addresses: [address("10.200.1.100")], version: 1 });
  assert.equal(fixture.ask("web.weft.internal"), "10.200.1.100");
  assert.equal(fixture.ask("100.1.200.10.in-addr.arpa", "PTR"), "web.weft.internal.");
  assert.equal(fixture.ask("leader.weft.internal"), "");
  fixture.merge(node, { name: "shop", addresses: [address("10.200.1.101")], version: 2, roles: ["leader"] });
  assert.equal(fixture.ask("web.weft.internal"), "");
  assert.equal(fixture.ask("node-1-100.weft.internal"), "");
  assert.equal(fixture.ask("shop.weft.internal"), "10.200.1.101");
  assert.equal(fixture.ask("leader.weft.internal"), "10.200.1.101");
  fixture.merge(node, { name: "shop", version: 3, revoked: true });
  for (const name of ["shop", "leader", "node-1-101"]) assert.equal(fixture.ask(`${name}.weft.internal`), "");
});

Deno.test("MemberNameSync gives a name to the member that the roster gives it to, and passes it on", () => {
  const fixture = new Fixture();
  const nodes = [fixture.network.node(), fixture.network.node()].sort((a, b) => a.id < b.id ? -1 : 1);
  const [lower, higher] = nodes;
  assert(lower && higher);
  fixture.merge(higher, { name: "web", addresses: [address("10.200.0.9")] });
  assert.equal(fixture.ask("web.weft.internal"), "10.200.0.9");
  fixture.merge(lower, { name: "web", addresses: [address("10.200.0.5")] });
  assert.equal(fixture.ask("web.weft.internal"), "10.200.0.5");
  assert.equal(fixture.ask("node-0-9.weft.internal"), "10.200.0.9");
  assert.equal(fixture.ask("9.0.200.10.in-addr.arpa", "PTR"), "node-0-9.weft.internal.");
  fixture.merge(lower, { name: "web", version: 2, revoked: true });
  assert.equal(fixture.ask("web.weft.internal"), "10.200.0.9");
  assert.equal(fixture.ask("9.0.200.10.in-addr.arpa", "PTR"), "web.weft.internal.");
});

Deno.test("MemberNameSync makes `leader` the elected one, and all leaders while none is", () => {
  const fixture = new Fixture();
  const [first, second, member] = [fixture.network.node(), fixture.network.node(), fixture.network.node()];
  const leads = (host: number): Partial<MemberRecord> => ({
    name: `n${host}`,
    addresses: [address(`10.200.0.${host}`)],
    roles: ["leader"],
  });
  fixture.merge(first, leads(1));
  fixture.merge(second, leads(2));
  fixture.merge(member, { name: "web", addresses: [address("10.200.0.3")] });
  const leaders = (): string[] => fixture.ask("leader.weft.internal").split(" ").sort();
  assert.deepEqual(leaders(), ["10.200.0.1", "10.200.0.2"]);
  fixture.names.handleElection(second.id);
  assert.deepEqual(leaders(), ["10.200.0.2"]);
  const question = { name: DomainName.parse("leader.weft.internal") ?? assert.fail(), type: 1, class: 1 };
  assert.deepEqual(fixture.authority.answer(question)?.answers.map(({ ttlSeconds }) => ttlSeconds), [5]);
  fixture.merge(second, { ...leads(7), version: 2 });
  assert.deepEqual(leaders(), ["10.200.0.7"], "it has another address");
  fixture.names.handleElection(first.id);
  assert.deepEqual(leaders(), ["10.200.0.1"]);
  fixture.names.handleElection(undefined);
  assert.deepEqual(leaders(), ["10.200.0.1", "10.200.0.7"]);
  fixture.names.handleElection(second.id);
  fixture.merge(second, { ...leads(7), version: 3, roles: ["member"] });
  assert.deepEqual(leaders(), ["10.200.0.1"], "one that leads no more is not meant, whoever elected it");
  fixture.names.handleElection(member.id);
  assert.deepEqual(leaders(), ["10.200.0.1"], "nor one that never did");
});

Deno.test("MemberNameSync lets go of members that have expired", () => {
  const fixture = new Fixture();
  const expiresAt = unixMillis(START + 1000);
  fixture.merge(fixture.network.node(), { name: "web", addresses: [address("10.200.0.5")], expiresAt });
  assert.equal(fixture.ask("web.weft.internal"), "10.200.0.5");
  fixture.clock.advance(2000);
  fixture.roster.handleTimeout();
  fixture.follow();
  assert.equal(fixture.ask("web.weft.internal"), "");
});

Deno.test("MemberNameSync.start() and many changes come to the same", () => {
  const fixture = new Fixture();
  const random = new SeededRandom(3);
  const nodes = Array.from({ length: 20 }, () => fixture.network.node());
  const versions = new Map<string, number>();
  const byte = new Uint8Array(3);
  for (let i = 0; i < 120; i++) {
    random.fill(byte);
    const [which = 0, name = 0, last = 0] = byte;
    const node = nodes[which % nodes.length] ?? assert.fail();
    const version = (versions.get(node.id) ?? 0) + 1;
    versions.set(node.id, version);
    fixture.merge(node, {
      version,
      name: `n${name % 6}`,
      addresses: [address(`10.200.0.${1 + last % 40}`)],
      roles: [last % 7 === 0 ? "leader" : "member"],
      revoked: last % 50 === 0,
    });
  }
  const fresh = new Authority({ origins: [zone, ...reverseOrigins(cidr)], server: zone, serial: 1 });
  new MemberNameSync({
    roster: fixture.roster,
    zone,
    cidrs: [cidr],
    sink: { setRecords: (...group) => fresh.setGroup(...group) },
  }).start();
  const all = (authority: Authority): string[] =>
    authority.records().filter(({ source }) => source !== "zone")
      .map(({ record, source }) => `${source} ${record.name} ${dataText(record.type, record.data)}`).sort();
  assert.deepEqual(all(fixture.authority), all(fresh));
  assert(all(fresh).length > 20);
});
