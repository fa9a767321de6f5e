import assert from "node:assert/strict";
import { utf8Bytes } from "../../../lib/base/mod.ts";
import { getDriverFactory } from "../../../drivers/mod.ts";
import { IpAddress } from "../../../lib/net/mod.ts";
import type { DriverOptions } from "../../../lib/overlay/mod.ts";
import { createScratch, expectRun, labTest } from "../../lab/mod.ts";
import { captureFile, frameOnWire, ipFrame, type OuterPath } from "./capture_file.ts";

const INNER_ADDRESSES = Uint8Array.fromHex("02000000000b02000000000a");
const INNER_TEXT = utf8Bytes("weft");
const FLOW = 0xcafe009a;

/** One packet, and what others must find in it. */
interface Sample {
  readonly driver: string;
  readonly identifier: number;
  readonly options?: DriverOptions;
  /** Of the underlay. */
  readonly family: 4 | 6;
  /** Fields of tshark; several layers' values with commas. All other fields of `FIELDS` must be absent. */
  readonly fields: Readonly<Record<string, string>>;
  /** A part of what tcpdump prints. */
  readonly printed: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  {
    driver: "vxlan",
    identifier: 1001,
    family: 4,
    fields: { "vxlan.flags": "0x0800", "vxlan.vni": "1001" },
    printed: ["VXLAN, flags [I] (0x08), vni 1001"],
  },
  {
    driver: "vxlan",
    identifier: 0xfffffe,
    family: 6,
    fields: { "vxlan.flags": "0x0800", "vxlan.vni": "16777214" },
    printed: ["VXLAN, flags [I] (0x08), vni 16777214"],
  },
  {
    driver: "geneve",
    identifier: 7,
    options: { options: "0102:80:deadbeef,0103:01:0011223344556677" },
    family: 4,
    fields: {
      "geneve.vni": "0x000007",
      "geneve.proto_type": "0x6558",
      "geneve.flags.critical": "1",
      "geneve.option.class": "0x0102,0x0103",
      "geneve.option.type": "0x80,0x01",
      "geneve.option.unknown.data": "deadbeef,0011223344556677",
    },
    printed: ["Geneve, Flags [C], vni 0x7, proto TEB (0x6558)", "type 0x80(C) len 8", "type 0x1 len 12"],
  },
  {
    driver: "geneve",
    identifier: 0xabcdef,
    options: { payload: "ip" },
    family: 6,
    fields: {
      "geneve.vni": "0xabcdef",
      "geneve.proto_type": "0x0800",
      "geneve.flags.critical": "0",
    },
    printed: ["Geneve, Flags [none], vni 0xabcdef, proto IPv4 (0x0800)"],
  },
  {
    driver: "gre",
    identifier: 0xdeadbeef,
    family: 4,
    fields: { "gre.proto": "0x6558", "gre.key": "0xdeadbeef" },
    printed: ["GREv0, Flags [key present], key=0xdeadbeef, proto TEB (0x6558)"],
  },
  {
    driver: "gre",
    identifier: 5,
    options: { sequence: "true", checksum: "true", payload: "ip" },
    family: 6,
    fields: {
      "gre.proto": "0x0800",
      "gre.key": "0x00000005",
      // 1 is good.
      "gre.checksum.status": "1",
      "gre.sequence_number": "0",
    },
    printed: ["Flags [checksum present, key present, sequence# present]", "key=0x5, seq 0, proto IPv4"],
  },
  {
    driver: "gre",
    identifier: 0,
    options: { key: "none" },
    family: 4,
    fields: { "gre.proto": "0x6558" },
    printed: ["GREv0, Flags [none], proto TEB (0x6558)"],
  },
  {
    driver: "nvgre",
    identifier: 0x123456,
    family: 4,
    // The last byte is the FlowID, from the hash of the flow.
    fields: { "gre.proto": "0x6558", "gre.key": "0x1234569a" },
    printed: ["GREv0, Flags [key present], key=0x1234569a, proto TEB (0x6558)"],
  },
  {
    driver: "mpls-udp",
    identifier: 5000,
    options: { outer: "100,200", tc: "5", ttl: "33" },
    family: 4,
    fields: {
      "mpls.label": "100,200,5000",
      "mpls.exp": "5,5,5",
      "mpls.ttl": "33,33,33",
      "mpls.bottom": "0,0,1",
    },
    printed: [
      "6635: MPLS (label 100, tc 5, ttl 33)",
      "(label 200, tc 5, ttl 33)",
      "(label 5000, tc 5, [S], ttl 33)",
    ],
  },
  {
    driver: "mpls-udp",
    identifier: 5001,
    options: { "control-word": "true" },
    family: 6,
    fields: {
      "mpls.label": "5001",
      "mpls.exp": "0",
      "mpls.ttl": "64",
      "mpls.bottom": "1",
      "pweth.cw.sequence_number": "0",
    },
    printed: ["6635:", "MPLS (label 5001, tc 0, [S], ttl 64)"],
  },
  {
    driver: "mpls-udp",
    identifier: 1048575,
    options: { payload: "ip" },
    family: 4,
    fields: { "mpls.label": "1048575", "mpls.exp": "0", "mpls.ttl": "64", "mpls.bottom": "1" },
    printed: ["6635: MPLS (label 1048575, tc 0, [S], ttl 64)"],
  },
  {
    driver: "vlan",
    identifier: 10,
    options: { priority: "5" },
    family: 4,
    fields: { "vlan.id": "10", "vlan.priority": "5", "vlan.dei": "0" },
    printed: ["ethertype 802.1Q (0x8100), length 50: vlan 10, p 5, ethertype IPv4"],
  },
  {
    driver: "vlan",
    identifier: 4094,
    options: { service: "200", priority: "3" },
    family: 4,
    fields: {
      "ieee8021ad.id": "200",
      "ieee8021ad.priority": "3",
      "vlan.id": "4094",
      "vlan.priority": "3",
      "vlan.dei": "0",
    },
    printed: ["802.1Q-QinQ (0x88a8), length 54: vlan 200, p 3, ethertype 802.1Q (0x8100), vlan 4094, p 3"],
  },
];

// The addresses and what the inner packet says; those of the outer ones stand before, with a comma.
const INNER_FIELDS = [
  "eth.dst",
  "eth.src",
  "ip.src",
  "ip.dst",
  "ip.checksum.status",
  "udp.dstport",
  "data.text",
];
const DRIVER_FIELDS = [...new Set(SAMPLES.flatMap(({ fields }) => Object.keys(fields)))];
const FIELDS = [...INNER_FIELDS, "frame.protocols", ...DRIVER_FIELDS];

labTest("tshark finds in every driver's packets what was put in", ["tshark"], async () => {
  await using folder = await createScratch("decoders");
  const stdout = await expectRun([
    "tshark",
    ...[
      "-n",
      "-r",
      await captureOfSamples(folder.path),
      "-T",
      "fields",
      "-E",
      "separator=/t",
      "-E",
      "aggregator=,",
    ],
    // What a label carries is agreed on, and stands nowhere in the packet.
    ...["-d", "mpls.label==5000,pwethnocw", "-d", "mpls.label==5001,pwethcw"],
    ...["-o", "ip.check_checksum:TRUE", "-o", "data.show_as_text:TRUE", "--disable-protocol", "cipio"],
    ...FIELDS.flatMap((field) => ["-e", field]),
  ]);
  const rows = stdout.split("\n").filter((row) => row !== "").map((row) => {
    const values = row.split("\t");
    return new Map(FIELDS.map((field, i) => [field, values[i] ?? ""]));
  });
  assert.equal(rows.length, SAMPLES.length);
  for (const [i, sample] of SAMPLES.entries()) {
    const row = rows[i] ?? new Map<string, string>();
    const what = `${sample.driver} ${sample.identifier} ${JSON.stringify(sample.options)}: ${
      row.get("frame.protocols")
    }`;
    const found = DRIVER_FIELDS.map((field) => [field, row.get(field)]).filter(([, value]) => value !== "");
    assert.deepEqual(Object.fromEntries(found), sample.fields, what);
    assert.equal(innermost(row, "ip.src"), "10.1.0.1", what);
    assert.equal(innermost(row, "ip.dst"), "10.1.0.2", what);
    assert.equal(innermost(row, "udp.dstport"), "2222", what);
    assert.equal(innermost(row, "data.text"), "weft", what);
    assert.match(row.get("ip.checksum.status") ?? "", /^1(,1)?$/, what);
    if (sample.options?.["payload"] === "ip") continue;
    assert.equal(innermost(row, "eth.dst"), "02:00:00:00:00:0b", what);
    assert.equal(innermost(row, "eth.src"), "02:00:00:00:00:0a", what);
  }
});

labTest("tcpdump finds in every driver's packets what was put in", ["tcpdump"], async () => {
  await using folder = await createScratch("decoders");
  const stdout = await expectRun([
    "tcpdump",
    "-nn",
    "-tttt",
    "-e",
    "-v",
    "-r",
    await captureOfSamples(folder.path),
  ]);
  // Each packet begins with its date.
  const packets = stdout.split(/^(?=\d{4}-\d\d-\d\d )/m);
  assert.equal(packets.length, SAMPLES.length, stdout);
  for (const [i, { driver, printed, options }] of SAMPLES.entries()) {
    for (const part of printed) assert.ok(packets[i]?.includes(part), `${part} is not in ${packets[i]}`);
    // It does not look into pseudowires.
    if (driver === "mpls-udp" && options?.["payload"] !== "ip") continue;
    assert.match(packets[i] ?? "", /10\.1\.0\.1\.\d+ > 10\.1\.0\.2\.2222: UDP, length 4/);
  }
});

function innermost(row: ReadonlyMap<string, string>, field: string): string | undefined {
  return row.get(field)?.split(",").at(-1);
}

/** @returns the path of a capture with one packet for each sample */
async function captureOfSamples(folder: string): Promise<string> {
  const inner = ipFrame(INNER_ADDRESSES, INNER_TEXT, {
    ...path("10.1.0.1", "10.1.0.2"),
    carries: { udpPort: 2222 },
  });
  const frames = SAMPLES.map(({ driver: name, identifier, options, family }) => {
    const driver = getDriverFactory(name)();
    const network = driver.encapsulation(identifier, options);
    const payload = network.payload === "ethernet" ? inner.slice() : inner.slice(14);
    const outer = family === 4 ? path("192.0.2.1", "192.0.2.2") : path("2001:db8::1", "2001:db8::2");
    return frameOnWire(driver, network, payload, outer);
  });
  const file = `${folder}/drivers.pcap`;
  await Deno.writeFile(file, captureFile(frames));
  return file;
}

function path(source: string, destination: string): OuterPath {
  const [from, to] = [IpAddress.parse(source), IpAddress.parse(destination)];
  assert.ok(from && to);
  return { source: from, destination: to, flow: FLOW };
}
