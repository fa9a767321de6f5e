import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, unixMillis, VirtualClock } from "../../base/mod.ts";
import { Authority, dataText, DomainName, parseType, reverseOrigins } from "../../dns/mod.ts";
import { type MemberRecord, Roster } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import { MemberNameSync } from "./member_name_sync.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const zone = DomainName.parse("weft.internal") ?? assert.fail();

class Bench {
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

Deno.test("MemberNameSync follows members that come, change, and go", () => {
  const bench = new Bench();
  const node = bench.network.node();
  bench.merge(node, { name: "web", addresses: [address("10.200.1.100")], version: 1 });
  assert.equal(bench.ask("web.weft.internal"), "10.200.1.100");
  assert.equal(bench.ask("100.1.200.10.in-addr.arpa", "PTR"), "web.weft.internal.");
  assert.equal(bench.ask("leader.weft.internal"), "");
  bench.merge(node, { name: "shop", addresses: [address("10.200.1.101")], version: 2, roles: ["leader"] });
  assert.equal(bench.ask("web.weft.internal"), "");
  assert.equal(bench.ask("node-1-100.weft.internal"), "");
  assert.equal(bench.ask("shop.weft.internal"), "10.200.1.101");
  assert.equal(bench.ask("leader.weft.internal"), "10.200.1.101");
  bench.merge(node, { name: "shop", version: 3, revoked: true });
  for (const name of ["shop", "leader", "node-1-101"]) assert.equal(bench.ask(`${name}.weft.internal`), "");
});

Deno.test("MemberNameSync gives a name to the member that the roster gives it to, and passes it on", () => {
  const bench = new Bench();
  const nodes = [bench.network.node(), bench.network.node()].sort((a, b) => a.id < b.id ? -1 : 1);
  const [lower, higher] = nodes;
  assert(lower && higher);
  bench.merge(higher, { name: "web", addresses: [address("10.200.0.9")] });
  assert.equal(bench.ask("web.weft.internal"), "10.200.0.9");
  bench.merge(lower, { name: "web", addresses: [address("10.200.0.5")] });
  assert.equal(bench.ask("web.weft.internal"), "10.200.0.5");
  assert.equal(bench.ask("node-0-9.weft.internal"), "10.200.0.9");
  assert.equal(bench.ask("9.0.200.10.in-addr.arpa", "PTR"), "node-0-9.weft.internal.");
  bench.merge(lower, { name: "web", version: 2, revoked: true });
  assert.equal(bench.ask("web.weft.internal"), "10.200.0.9");
  assert.equal(bench.ask("9.0.200.10.in-addr.arpa", "PTR"), "web.weft.internal.");
});

Deno.test("MemberNameSync makes `leader` the elected one, and all leaders while none is", () => {
  const bench = new Bench();
  const [first, second, member] = [bench.network.node(), bench.network.node(), bench.network.node()];
  const leads = (host: number): Partial<MemberRecord> => ({
    name: `n${host}`,
    addresses: [address(`10.200.0.${host}`)],
    roles: ["leader"],
  });
  bench.merge(first, leads(1));
  bench.merge(second, leads(2));
  bench.merge(member, { name: "web", addresses: [address("10.200.0.3")] });
  const leaders = (): string[] => bench.ask("leader.weft.internal").split(" ").sort();
  assert.deepEqual(leaders(), ["10.200.0.1", "10.200.0.2"]);
  bench.names.handleElection(second.id);
  assert.deepEqual(leaders(), ["10.200.0.2"]);
  const question = { name: DomainName.parse("leader.weft.internal") ?? assert.fail(), type: 1, class: 1 };
  assert.deepEqual(bench.authority.answer(question)?.answers.map(({ ttlSeconds }) => ttlSeconds), [5]);
  bench.merge(second, { ...leads(7), version: 2 });
  assert.deepEqual(leaders(), ["10.200.0.7"], "it has another address");
  bench.names.handleElection(first.id);
  assert.deepEqual(leaders(), ["10.200.0.1"]);
  bench.names.handleElection(undefined);
  assert.deepEqual(leaders(), ["10.200.0.1", "10.200.0.7"]);
  bench.names.handleElection(second.id);
  bench.merge(second, { ...leads(7), version: 3, roles: ["member"] });
  assert.deepEqual(leaders(), ["10.200.0.1"], "one that leads no more is not meant, whoever elected it");
  bench.names.handleElection(member.id);
  assert.deepEqual(leaders(), ["10.200.0.1"], "nor one that never did");
});

Deno.test("MemberNameSync lets go of members that have expired", () => {
  const bench = new Bench();
  const expiresAt = unixMillis(START + 1000);
  bench.merge(bench.network.node(), { name: "web", addresses: [address("10.200.0.5")], expiresAt });
  assert.equal(bench.ask("web.weft.internal"), "10.200.0.5");
  bench.clock.advance(2000);
  bench.roster.handleTimeout();
  bench.follow();
  assert.equal(bench.ask("web.weft.internal"), "");
});

Deno.test("MemberNameSync.start() and many changes come to the same", () => {
  const bench = new Bench();
  const random = new SeededRandom(3);
  const nodes = Array.from({ length: 20 }, () => bench.network.node());
  const versions = new Map<string, number>();
  const byte = new Uint8Array(3);
  for (let i = 0; i < 120; i++) {
    random.fill(byte);
    const [which = 0, name = 0, last = 0] = byte;
    const node = nodes[which % nodes.length] ?? assert.fail();
    const version = (versions.get(node.id) ?? 0) + 1;
    versions.set(node.id, version);
    bench.merge(node, {
      version,
      name: `n${name % 6}`,
      addresses: [address(`10.200.0.${1 + last % 40}`)],
      roles: [last % 7 === 0 ? "leader" : "member"],
      revoked: last % 50 === 0,
    });
  }
  const fresh = new Authority({ origins: [zone, ...reverseOrigins(cidr)], server: zone, serial: 1 });
  new MemberNameSync({
    roster: bench.roster,
    zone,
    cidrs: [cidr],
    sink: { setRecords: (...group) => fresh.setGroup(...group) },
  }).start();
  const all = (authority: Authority): string[] =>
    authority.records().filter(({ source }) => source !== "zone")
      .map(({ record, source }) => `${source} ${record.name} ${dataText(record.type, record.data)}`).sort();
  assert.deepEqual(all(bench.authority), all(fresh));
  assert(all(fresh).length > 20);
});
