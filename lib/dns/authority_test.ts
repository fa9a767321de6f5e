import assert from "node:assert/strict";
import { Cidr, IpAddress } from "../net/mod.ts";
import { type Answer, Authority } from "./authority.ts";
import { formatRecord, parseRecord } from "./custom_record.ts";
import {
  leaderRecords,
  memberRecords,
  nodeLabel,
  reverseName,
  reverseOrigins,
  type ServiceInstance,
  serviceLabel,
  serviceRecords,
} from "./network_names.ts";
import type { ResourceRecord } from "./message.ts";
import { dataText } from "./record_data.ts";
import { CLASS_IN, parseType, RECORD_TYPE, responseCodeText, typeText } from "./record_type.ts";
import { cidrOf, ipOf, nameOf } from "./testing/samples.ts";
import { RECORD_RANK } from "./zone.ts";

const zone = nameOf("weft.internal");
const cidrs = [cidrOf("10.200.0.0/16"), cidrOf("fd12:3456:789a::/64")];

function makeAuthority(): Authority {
  const origins = [zone, ...cidrs.flatMap(reverseOrigins)];
  return new Authority({ origins, server: nameOf("boss.weft.internal"), serial: 100 });
}

function addMember(
  authority: Authority,
  name: string | undefined,
  addresses: string[],
  isLeader = false,
): void {
  const member = { name, addresses: addresses.map(ipOf) };
  const { network, named } = memberRecords(zone, member, cidrs);
  if (isLeader) {
    authority.setGroup("leader", RECORD_RANK.network, leaderRecords(zone, member.addresses));
  }
  authority.setGroup(`network ${addresses[0]}`, RECORD_RANK.network, network);
  authority.setGroup(`member ${addresses[0]}`, RECORD_RANK.member, named);
}

function addCustom(authority: Authority, name: string, type: string, data: string): void {
  const record = parseRecord(zone, { name, type, data });
  assert("name" in record, JSON.stringify(record));
  authority.setGroup(`custom ${name} ${type} ${data}`, RECORD_RANK.custom, [record]);
}

function ask(authority: Authority, name: string, type: string): Answer | undefined {
  return authority.answer({ name: nameOf(name), type: parseType(type) ?? 0, class: CLASS_IN });
}

const show = (records: readonly ResourceRecord[]): string[] =>
  records.map(({ name, type, data }) => `${name} ${typeText(type)} ${dataText(type, data)}`);

/** @returns `NXDOMAIN`, `NODATA`, `REFUSED`, or the answers */
function outcome(authority: Authority, name: string, type: string): string | string[] {
  const answer = ask(authority, name, type);
  if (answer === undefined) return "REFUSED";
  if (answer.responseCode !== 0) return responseCodeText(answer.responseCode);
  return answer.answers.length === 0 ? "NODATA" : show(answer.answers);
}

function sampleAuthority(): Authority {
  const authority = makeAuthority();
  addMember(authority, "boss", ["10.200.0.1", "fd12:3456:789a::1"], true);
  addMember(authority, "web-1", ["10.200.1.100", "fd12:3456:789a::2"]);
  addMember(authority, undefined, ["10.200.1.101"]);
  return authority;
}

const v6 = "fd12:3456:789a::2";
const answers: readonly (readonly [string, string, string | string[]])[] = [
  ["web-1.weft.internal", "A", ["web-1.weft.internal. A 10.200.1.100"]],
  ["web-1.weft.internal", "AAAA", [`web-1.weft.internal. AAAA ${v6}`]],
  ["web-1.weft.internal", "TXT", "NODATA"],
  ["WEB-1.WEFT.INTERNAL", "A", ["web-1.weft.internal. A 10.200.1.100"]],
  ["node-1-100.weft.internal", "A", ["node-1-100.weft.internal. A 10.200.1.100"]],
  ["node-1-101.weft.internal", "A", ["node-1-101.weft.internal. A 10.200.1.101"]],
  ["leader.weft.internal", "A", ["leader.weft.internal. A 10.200.0.1"]],
  ["leader.weft.internal", "AAAA", ["leader.weft.internal. AAAA fd12:3456:789a::1"]],
  ["nobody.weft.internal", "A", "NXDOMAIN"],
  ["below.web-1.weft.internal", "A", "NXDOMAIN"],
  ["100.1.200.10.in-addr.arpa", "PTR", ["100.1.200.10.in-addr.arpa. PTR web-1.weft.internal."]],
  ["101.1.200.10.in-addr.arpa", "PTR", ["101.1.200.10.in-addr.arpa. PTR node-1-101.weft.internal."]],
  [reverseName(ipOf(v6)).toString(), "PTR", [`${reverseName(ipOf(v6))} PTR web-1.weft.internal.`]],
  ["9.9.200.10.in-addr.arpa", "PTR", "NXDOMAIN"],
  ["1.200.10.in-addr.arpa", "PTR", "NODATA"],
  ["1.0.201.10.in-addr.arpa", "PTR", "REFUSED"],
  ["weft.internal", "NS", ["weft.internal. NS boss.weft.internal."]],
  ["weft.internal", "A", "NODATA"],
  ["internal", "A", "REFUSED"],
  ["example.com", "A", "REFUSED"],
  ["web-1.weft.internal", "ANY", ['web-1.weft.internal. HINFO "RFC8482" ""']],
  ["nobody.weft.internal", "ANY", "NXDOMAIN"],
];
for (const [name, type, expected] of answers) {
  Deno.test(`Authority.answer() of ${name.slice(0, 40)} ${type}`, () => {
    assert.deepEqual(outcome(sampleAuthority(), name, type), expected);
  });
}

Deno.test("Authority.answer() gives negative answers the SOA record, with a short TTL", () => {
  for (const [name, type] of [["nobody.weft.internal", "A"], ["web-1.weft.internal", "MX"]] as const) {
    const answer = ask(sampleAuthority(), name, type);
    assert.equal(answer?.authority.length, 1);
    const [soa] = answer?.authority ?? [];
    assert.equal(soa?.type, RECORD_TYPE.SOA);
    assert.equal(soa?.name.toString(), "weft.internal.");
    assert.equal(soa?.ttlSeconds, 5);
  }
  const reverse = ask(sampleAuthority(), "9.9.200.10.in-addr.arpa", "PTR");
  assert.equal(reverse?.authority[0]?.name.toString(), "200.10.in-addr.arpa.");
});

Deno.test("Authority.answer() has TTL 300 for nodes and 5 for services", () => {
  const authority = sampleAuthority();
  authority.setGroup("s", RECORD_RANK.service, serviceRecords(zone, instance));
  assert.equal(ask(authority, "web-1.weft.internal", "A")?.answers[0]?.ttlSeconds, 300);
  assert.equal(ask(authority, "_http._tcp.web.weft.internal", "SRV")?.answers[0]?.ttlSeconds, 5);
});

Deno.test("Authority.setGroup() removes what it replaces", () => {
  const authority = sampleAuthority();
  const { serial } = authority;
  authority.setGroup("network 10.200.1.100", RECORD_RANK.network, []);
  authority.setGroup("member 10.200.1.100", RECORD_RANK.member, []);
  for (const [name, type] of [["web-1.weft.internal", "A"], ["node-1-100.weft.internal", "A"]] as const) {
    assert.equal(outcome(authority, name, type), "NXDOMAIN");
  }
  assert.equal(outcome(authority, "100.1.200.10.in-addr.arpa", "PTR"), "NXDOMAIN");
  // 10.200.1.101 is still there, so the name above it is.
  assert.equal(outcome(authority, "1.200.10.in-addr.arpa", "PTR"), "NODATA");
  authority.setGroup("network 10.200.1.101", RECORD_RANK.network, []);
  assert.equal(outcome(authority, "1.200.10.in-addr.arpa", "PTR"), "NXDOMAIN");
  assert(authority.serial > serial);
});

Deno.test("Authority.setGroup() lets no source take the names of the network", () => {
  const authority = sampleAuthority();
  addMember(authority, "leader", ["10.200.6.6", "fd12:3456:789a::66"]);
  addMember(authority, "node-1-100", ["10.200.6.7"]);
  addCustom(authority, "web-1", "A", "192.0.2.1");
  addCustom(authority, "web-1", "TXT", "hello");
  addCustom(authority, "boss", "CNAME", "example.com.");
  assert.deepEqual(outcome(authority, "leader.weft.internal", "A"), ["leader.weft.internal. A 10.200.0.1"]);
  assert.deepEqual(outcome(authority, "node-1-100.weft.internal", "A"), [
    "node-1-100.weft.internal. A 10.200.1.100",
  ]);
  assert.deepEqual(outcome(authority, "web-1.weft.internal", "A"), ["web-1.weft.internal. A 10.200.1.100"]);
  assert.deepEqual(outcome(authority, "web-1.weft.internal", "TXT"), ['web-1.weft.internal. TXT "hello"']);
  assert.deepEqual(outcome(authority, "boss.weft.internal", "A"), ["boss.weft.internal. A 10.200.0.1"]);
  // An address that only the impostor has would be a way around it.
  const other = makeAuthority();
  addMember(other, "boss", ["10.200.0.1"], true);
  addMember(other, "leader", ["fd12:3456:789a::66"]);
  assert.equal(outcome(other, "leader.weft.internal", "AAAA"), "NODATA");
});

Deno.test("Authority.answer() follows aliases, in the zone and not for ever", () => {
  const authority = sampleAuthority();
  addCustom(authority, "www", "CNAME", "web-1");
  addCustom(authority, "out", "CNAME", "example.com.");
  addCustom(authority, "gone", "CNAME", "nobody");
  addCustom(authority, "x", "CNAME", "y");
  addCustom(authority, "y", "CNAME", "x");
  assert.deepEqual(outcome(authority, "www.weft.internal", "A"), [
    "www.weft.internal. CNAME web-1.weft.internal.",
    "web-1.weft.internal. A 10.200.1.100",
  ]);
  assert.deepEqual(outcome(authority, "www.weft.internal", "CNAME"), [
    "www.weft.internal. CNAME web-1.weft.internal.",
  ]);
  assert.deepEqual(outcome(authority, "out.weft.internal", "A"), ["out.weft.internal. CNAME example.com."]);
  assert.equal(outcome(authority, "gone.weft.internal", "A"), "NXDOMAIN");
  assert.equal(ask(authority, "gone.weft.internal", "A")?.answers.length, 1);
  assert((ask(authority, "x.weft.internal", "A")?.answers.length ?? 99) <= 10);
});

Deno.test("Authority.answer() expands wildcards where nothing else is", () => {
  const authority = sampleAuthority();
  addCustom(authority, "*.apps", "A", "10.200.0.5");
  addCustom(authority, "shop.apps", "TXT", "here");
  addCustom(authority, "*.alias", "CNAME", "web-1");
  assert.deepEqual(outcome(authority, "blog.apps.weft.internal", "A"), [
    "blog.apps.weft.internal. A 10.200.0.5",
  ]);
  assert.deepEqual(outcome(authority, "a.b.apps.weft.internal", "A"), [
    "a.b.apps.weft.internal. A 10.200.0.5",
  ]);
  assert.equal(outcome(authority, "blog.apps.weft.internal", "TXT"), "NODATA");
  // RFC 4592 §2.2.1: a name that is there is not covered, nor is anything below it.
  assert.equal(outcome(authority, "shop.apps.weft.internal", "A"), "NODATA");
  assert.equal(outcome(authority, "x.shop.apps.weft.internal", "A"), "NXDOMAIN");
  assert.equal(outcome(authority, "apps.weft.internal", "A"), "NODATA");
  assert.deepEqual(outcome(authority, "z.alias.weft.internal", "A"), [
    "z.alias.weft.internal. CNAME web-1.weft.internal.",
    "web-1.weft.internal. A 10.200.1.100",
  ]);
});

const instance: ServiceInstance = {
  service: "web",
  protocol: "http",
  transport: "tcp",
  node: "web-1",
  addresses: [ipOf("10.200.1.100")],
  port: 8080,
  hasBareName: true,
  text: ["path=/"],
};

Deno.test("serviceRecords() makes SRV, TXT and addresses of each instance", () => {
  const authority = sampleAuthority();
  authority.setGroup("1", RECORD_RANK.service, serviceRecords(zone, instance));
  const other = { ...instance, node: "boss", addresses: [ipOf("10.200.0.1")] };
  authority.setGroup("2", RECORD_RANK.service, serviceRecords(zone, other));
  assert.deepEqual(outcome(authority, "_http._tcp.web.weft.internal", "SRV"), [
    "_http._tcp.web.weft.internal. SRV 0 0 8080 web-1.weft.internal.",
    "_http._tcp.web.weft.internal. SRV 0 0 8080 boss.weft.internal.",
  ]);
  const additional = ask(authority, "_http._tcp.web.weft.internal", "SRV")?.additional ?? [];
  assert(show(additional).includes("web-1.weft.internal. A 10.200.1.100"));
  assert.deepEqual(outcome(authority, "_http._tcp.web.weft.internal", "TXT"), [
    '_http._tcp.web.weft.internal. TXT "path=/"',
  ]);
  assert.equal(ask(authority, "web.weft.internal", "A")?.answers.length, 2);
  assert.equal(ask(authority, "_http._tcp.web.weft.internal", "A")?.answers.length, 2);
  authority.setGroup("2", RECORD_RANK.service, []);
  assert.equal(ask(authority, "web.weft.internal", "A")?.answers.length, 1);
  authority.setGroup("1", RECORD_RANK.service, []);
  assert.equal(outcome(authority, "_http._tcp.web.weft.internal", "SRV"), "NXDOMAIN");
  assert.equal(outcome(authority, "web.weft.internal", "A"), "NXDOMAIN");
});

Deno.test("Authority.answer() lets neither members nor services change what leaders have added, wildcards included", () => {
  const authority = makeAuthority();
  const byLeader = ["db", "*", "*.apps"].map((name) => {
    const record = parseRecord(zone, { name, type: "A", data: "10.9.9.9" });
    return "name" in record ? record : assert.fail();
  });
  authority.setGroup("leader's", RECORD_RANK.leader, byLeader);
  const names = ["db", "math", "x.math", "_tcp.math", "free", "x.free", "_tcp.free", "x.y.free"];
  const all = () => names.map((name) => outcome(authority, `${name}.weft.internal`, "A"));
  const before = all();
  assert.deepEqual(before[1], ["math.weft.internal. A 10.9.9.9"]);
  for (const service of ["db", "math", "free"]) {
    const group = serviceRecords(zone, { ...instance, service, hasBareName: service === "db" });
    authority.setGroup(service, RECORD_RANK.service, group);
  }
  addCustom(authority, "db", "A", "10.6.6.6");
  addMember(authority, "db", ["10.200.6.6"]);
  assert.deepEqual(all(), before);
  assert.deepEqual(outcome(authority, "_http._tcp.math.weft.internal", "A"), [
    "_http._tcp.math.weft.internal. A 10.200.1.100",
  ]);
  // What the same source says of a name below keeps its wildcard off (RFC 4592 §2.2.2).
  const below = parseRecord(zone, { name: "deep.free", type: "A", data: "10.9.9.8" });
  authority.setGroup("below", RECORD_RANK.leader, "name" in below ? [below] : []);
  assert.equal(outcome(authority, "free.weft.internal", "A"), "NODATA");
  assert.equal(outcome(authority, "x.free.weft.internal", "A"), "NXDOMAIN");
});

Deno.test("serviceLabel() is one label of letters and digits, or none", () => {
  assert.equal(serviceLabel(["orders", "eu"]), "orders-eu");
  assert.equal(serviceLabel(["My_Service"]), "my_service");
  for (
    const segments of [["*"], ["$registry"], ["_tcp"], ["a."], ["a", "-b"], ["a.b"], [""], ["x".repeat(64)]]
  ) {
    assert.equal(serviceLabel(segments), undefined, segments.join("/"));
  }
});

Deno.test("serviceRecords() leaves out what no record can hold", () => {
  assert.deepEqual(serviceRecords(zone, { ...instance, service: "a.b" }), []);
  assert.deepEqual(serviceRecords(zone, { ...instance, protocol: "x".repeat(63) }), []);
  const [, txt] = serviceRecords(zone, { ...instance, text: ["x".repeat(256)] });
  assert.equal(txt?.data.toHex(), "00");
});

const labels: readonly (readonly [string, string, string])[] = [
  ["10.200.1.100", "10.200.0.0/16", "node-1-100"],
  ["10.200.1.100", "10.200.1.0/24", "node-1-100"],
  ["10.201.1.100", "10.200.0.0/15", "node-201-1-100"],
  ["10.201.1.100", "10.0.0.0/8", "node-201-1-100"],
  ["10.201.1.100", "10.0.0.0/7", "node-10-201-1-100"],
];
for (const [address, cidr, label] of labels) {
  Deno.test(`nodeLabel() of ${address} in ${cidr}`, () => {
    assert.equal(nodeLabel(ipOf(address), cidrOf(cidr)), label);
  });
}

const origins: readonly (readonly [string, number, string, string])[] = [
  ["10.200.0.0/16", 1, "200.10.in-addr.arpa.", "200.10.in-addr.arpa."],
  ["10.200.16.0/20", 16, "16.200.10.in-addr.arpa.", "31.200.10.in-addr.arpa."],
  ["10.0.0.0/9", 128, "0.10.in-addr.arpa.", "127.10.in-addr.arpa."],
  ["10.0.0.8/30", 4, "8.0.0.10.in-addr.arpa.", "11.0.0.10.in-addr.arpa."],
  ["fd12::/62", 4, `${"0.".repeat(12)}2.1.d.f.ip6.arpa.`, `3.${"0.".repeat(11)}2.1.d.f.ip6.arpa.`],
];
for (const [cidr, count, first, last] of origins) {
  Deno.test(`reverseOrigins() of ${cidr}`, () => {
    const names = reverseOrigins(cidrOf(cidr)).map(String);
    assert.deepEqual([names.length, names[0], names.at(-1)], [count, first, last]);
  });
}

Deno.test("reverseOrigins() gives the zones right above the names of all addresses in the block, and of no others", () => {
  const cidr = cidrOf("10.200.16.0/20");
  const above = (text: string): boolean =>
    reverseOrigins(cidr).some((origin) => reverseName(ipOf(text)).isWithin(origin));
  assert(above("10.200.16.0") && above("10.200.31.255"));
  assert(!above("10.200.32.0") && !above("10.200.15.255"));
});

Deno.test("Authority.answer() serves any zone", () => {
  const origin = nameOf("overlay.local.");
  const authority = new Authority({ origins: [origin], server: origin, serial: 1 });
  const member = { name: "a", addresses: [IpAddress.fromBytes(Uint8Array.of(10, 0, 0, 1))] };
  const { named } = memberRecords(origin, member, [Cidr.host(member.addresses[0] ?? ipOf("10.0.0.1"))]);
  authority.setGroup("m", RECORD_RANK.member, named);
  assert.deepEqual(outcome(authority, "a.overlay.local", "A"), ["a.overlay.local. A 10.0.0.1"]);
  assert.deepEqual(
    authority.records().map(({ record, source }) => `${source} ${formatRecord(record).type}`),
    [
      "zone SOA",
      "zone NS",
      "member A",
    ],
  );
});
