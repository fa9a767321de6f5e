import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryStateStore, utf8Bytes, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { dataText, DomainName } from "../../dns/mod.ts";
import { type MemberRecord, NO_GRANTS, NO_UPDATE, Replica } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { type DnsHandle, DnsServer } from "../../nameserver/mod.ts";
import { Cidr } from "../../net/mod.ts";
import type { AdvertisedService } from "../../service/mod.ts";
import { Authority } from "../authority/mod.ts";
import { CustomNameSync } from "./custom_name_sync.ts";
import { MemberNameSync } from "./member_name_sync.ts";
import { type OfferedService, ServiceNameSync } from "./service_name_sync.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const ZONE = "weft.internal.";
const TYPES = ["A", "AAAA", "CNAME", "TXT", "SRV", "MX", "PTR"];

/** The zone of a node that knows a leader, two honest members, and Mallory, who may name and offer a few things. */
class Fixture implements AsyncDisposable {
  readonly network: TestNetwork = new TestNetwork(77);
  readonly replica: Replica;
  readonly #handle: DnsHandle;
  readonly #services: ServiceNameSync;
  readonly #nodes = new Map<string, ReturnType<TestNetwork["node"]>>();
  #offered: OfferedService[] = [];
  #version = 0;

  private constructor(handle: DnsHandle) {
    const { id: networkId, verifyingKey } = this.network.identity;
    const clock = new VirtualClock(START);
    this.#handle = handle;
    this.replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
    const { replica, replica: { roster } } = this;
    const network = { id: networkId, verifyingKey };
    const mesh = { replica, network, identity: this.network.node() };
    const authority = new Authority(mesh);
    const zone = DomainName.parse(handle.zone) ?? assert.fail();
    const sync = { roster, zone, cidrs: [cidr], sink: handle };
    const members = new MemberNameSync(sync);
    const custom = new CustomNameSync({ mesh, handle, authority });
    this.#services = new ServiceNameSync({
      ...sync,
      authority,
      timers: new VirtualTimers(clock),
      offered: () => this.#offered,
      isWrittenByLeaders: (name) => custom.isWrittenByLeaders(name),
    });
    replica.subscribe({
      handleEntryEvent: (event) => custom.handleEntryEvent(event),
      handleRosterEvent: (event) => {
        members.handleRosterEvent(event);
        custom.handleRosterEvent(event);
      },
    });
  }

  static async create(byLeaders: Readonly<Record<string, string>>): Promise<Fixture> {
    const handle = await new DnsServer({ listen: [], cidrs: [cidr] }).start();
    const fixture = new Fixture(handle);
    fixture.#join("lead", { roles: ["leader", "member"] });
    fixture.#join("web", { grants: { ...NO_GRANTS, claimed: ["math", "orders/eu"] } });
    fixture.#join("shop", { grants: { ...NO_GRANTS, offer: ["cart"], names: ["cache", "*.cdn"] } });
    fixture.#join("mallory", {
      grants: { ...NO_GRANTS, offer: ["mine", "db", "www"], claimed: ["owned"], names: ["m1", "*.m2"] },
    });
    const { id, signingKey } = fixture.network.identity;
    for (const [name, body] of Object.entries(byLeaders)) {
      const entry = { kind: "name", key: `${name}.${ZONE}`, body: utf8Bytes(body) };
      const signed = fixture.replica.entries.write(id, signingKey, entry);
      fixture.replica.publish({ ...NO_UPDATE, entries: signed ? [signed] : [] });
    }
    fixture.write("web", `api.web.${ZONE}`, "300 A 10.200.0.50");
    fixture.write("shop", `cache.${ZONE}`, "300 A 10.200.0.51");
    fixture.offer("web", { path: "math" });
    fixture.offer("web", { path: "orders/eu" });
    fixture.offer("shop", { path: "cart" });
    fixture.offer("lead", { path: "board" });
    return fixture;
  }

  #join(name: string, fields: Partial<MemberRecord>): void {
    const node = this.network.node();
    this.#nodes.set(name, node);
    const addresses = [address(`10.200.0.${this.#nodes.size}`)];
    this.replica.merge({
      ...NO_UPDATE,
      records: [this.network.signed(node, { name, addresses, ...fields })],
    });
    this.replica.deliverEvents();
  }

  /** What a member writes, whether it may or not. */
  write(who: string, key: string, text: string): void {
    const node = this.#nodes.get(who) ?? assert.fail();
    const entry = this.network.entry(node, { key, body: utf8Bytes(text), version: ++this.#version });
    this.replica.merge({ ...NO_UPDATE, entries: [entry] });
    this.replica.deliverEvents();
  }

  /** What a member advertises, whether it may or not. */
  offer(who: string, changes: Partial<AdvertisedService>): void {
    const { id: nodeId } = this.#nodes.get(who) ?? assert.fail();
    const service: AdvertisedService = {
      path: "x",
      version: "1",
      description: "",
      state: "running",
      actions: [],
      events: [],
      elects: false,
      port: 80,
      protocol: "http",
      ...changes,
    };
    this.#offered = [...this.#offered, { nodeId, service, isHealthy: true }];
    this.#services.follow();
  }

  async ask(name: string): Promise<string> {
    const answers = await Promise.all(TYPES.map(async (type) => {
      const { responseCode, answers } = await this.#handle.query(name, type);
      const data = answers.map((each) => `${each.type} ${dataText(each.type, each.data)}`);
      return `${type} ${responseCode} ${data.sort().join(", ")}`;
    }));
    return answers.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.stop();
  }
}

/** Names that are others', and such as are nobody's. */
const names = [
  ...[
    "@",
    "*",
    "lead",
    "web",
    "shop",
    "leader",
    "node-0-2",
    "node-9-9",
    "wpad",
    "isatap",
    "localhost",
    "local",
  ],
  ...[
    "db",
    "www",
    "apps",
    "x.apps",
    "*.apps",
    "deep.x.apps",
    "cache",
    "cdn",
    "x.cdn",
    "api.web",
    "x.web",
    "*.web",
  ],
  ...[
    "_http._tcp.web",
    "math",
    "_http._tcp.math",
    "_tcp.math",
    "orders",
    "orders-eu",
    "_http._tcp.orders-eu",
  ],
  ...[
    "cart",
    "_http._tcp.cart",
    "board",
    "_http._tcp.board",
    "_ldap._tcp",
    "_tcp",
    "free",
    "x.free",
    "*.free",
  ],
  ...["google.com", "printer.local", "intranet", "2.0.200.10.in-addr.arpa", "9.9.200.10.in-addr.arpa"],
];
const own = ["mallory", "x.mallory", "m1", "x.m2", "*.m2", "mine", "owned", "_http._tcp.owned"];
const isOwn = (name: string): boolean =>
  /(^|\.)(mallory|m1|m2|mine|owned)(\.weft\.internal\.?)?$/i.test(name);

const anyKey = fc.oneof(
  fc.constantFrom(...names, ...own).map((name) =>
    name === "@" ? ZONE : name.endsWith("arpa") ? `${name}.` : `${name}.${ZONE}`
  ),
  fc.constantFrom(
    ...names,
    "DB.weft.internal.",
    "d\\098.weft.internal.",
    "db.weft.internal",
    "DB",
    "a..b",
    "",
  ),
  fc.stringMatching(/^[!-~]{1,30}$/),
);
const anyLine = fc.oneof(
  fc.constantFrom(
    "300 A 10.6.6.6",
    "300 CNAME mallory",
    "300 TXT evil",
    "300 SRV 0 0 1 mallory",
    "300 MX 1 mallory",
  ),
  fc.constantFrom("300 PTR mallory", "300 AAAA fd00::6", "0 CNAME evil.example.", "300 NS mallory"),
  fc.string({ maxLength: 30 }),
);
const anyPath = fc.oneof(
  fc.constantFrom(
    "*",
    "db",
    "leader",
    "web",
    "math",
    "MATH",
    "orders-eu",
    "Orders/eu",
    "mesh:math",
    "cart",
    "board",
  ),
  fc.constantFrom(
    "node-0-2",
    "wpad",
    "free",
    "apps",
    "x.apps",
    "cache",
    "mine",
    "owned",
    "$registry",
    ">",
    "_tcp",
  ),
  fc.string({ maxLength: 12 }),
);
const anyAdvert = fc.record({
  path: anyPath,
  protocol: fc.oneof(
    fc.constantFrom("http", "udp", "_tcp", "*", "a/b", "http/udp", ""),
    fc.string({ maxLength: 8 }),
  ),
  port: fc.constantFrom(80, 1, 65_535, 0, -1, 70_000),
  version: fc.string({ maxLength: 8 }),
});
const anyDeed = fc.oneof(
  fc.tuple(anyKey, fc.array(anyLine, { maxLength: 3 })).map(([key, lines]) => ({
    key,
    text: lines.join("\n"),
  })),
  anyAdvert.map((advert) => ({ advert })),
);

const zones: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["a few names of leaders", { db: "300 A 10.9.9.9", "*.apps": "300 A 10.9.9.8", www: "300 CNAME web" }],
  ["a wildcard of leaders for the whole zone", { "*": "300 A 10.9.9.7", db: "300 TXT primary" }],
];
for (const [title, byLeaders] of zones) {
  Deno.test(`Nothing that a member writes or offers changes a name of others or makes one, with ${title}`, async () => {
    await using before = await Fixture.create(byLeaders);
    // Where a path was only claimed, a wildcard goes on to answer.
    const asked = "*" in byLeaders ? [...names, "owned", "_tcp.owned", "a.b.owned"] : names;
    const known = new Map<string, string>();
    for (const name of asked) known.set(name, await before.ask(name));
    await fc.assert(
      fc.asyncProperty(fc.array(anyDeed, { minLength: 1, maxLength: 12 }), async (deeds) => {
        await using fixture = await Fixture.create(byLeaders);
        fixture.offer("mallory", { path: "owned" });
        for (const deed of deeds) {
          if ("advert" in deed) fixture.offer("mallory", deed.advert);
          else fixture.write("mallory", deed.key, deed.text);
        }
        for (const [name, answer] of known) assert.equal(await fixture.ask(name), answer, name);
        for (const deed of deeds) {
          if ("advert" in deed || isOwn(deed.key) || DomainName.parse(deed.key) === undefined) continue;
          assert.equal(await fixture.ask(deed.key), await before.ask(deed.key), deed.key);
        }
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("A member's own names and those that it was granted are there beside all that it may not do", async () => {
  await using fixture = await Fixture.create({ db: "300 A 10.9.9.9" });
  for (const name of own) fixture.write("mallory", `${name}.${ZONE}`, "300 A 10.200.0.4");
  fixture.offer("mallory", { path: "mine" });
  fixture.offer("mallory", { path: "owned" });
  for (
    const name of ["x.mallory", "m1", "x.m2", "deep.y.m2", "mine", "_http._tcp.mine", "_http._tcp.owned"]
  ) {
    assert.match(await fixture.ask(name), /^A 0 1 10\.200\.0\.4$/m, name);
  }
  assert.match(await fixture.ask("owned"), /^A 0 $/m);
});
