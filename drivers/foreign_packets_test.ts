/**
 * Packets that no encoder of ours has made: written byte by byte after the layouts of the RFCs, also with what a receiver
 * ignores, and with what it refuses.
 */

import assert from "node:assert/strict";
import { DecodedHeader, type DriverOptions } from "../lib/overlay/mod.ts";
import { getDriverFactory } from "./mod.ts";

/** A frame: two addresses, the Ethertype of ARP, and a few bytes. */
const FRAME = "ffffffffffff 02000000000a 0806 0001080006040001";
const PACKET = "4500001400000000403b0000 0a000001 0a000002";

/** One packet. */
interface Foreign {
  readonly what: string;
  readonly driver: string;
  /** Hexadecimal, from the driver's header on. */
  readonly packet: string;
  readonly network: number;
  readonly options?: DriverOptions;
  /** Why it is refused, or what is found. */
  readonly found: string | { readonly [field: string]: unknown; readonly payload: string };
}

const FOREIGN: readonly Foreign[] = [
  {
    what: "RFC 7348 §5: a VNI",
    driver: "vxlan",
    packet: `08000000 00abcd00 ${FRAME}`,
    network: 0xabcd,
    found: { identifier: 0xabcd, payload: FRAME },
  },
  {
    what: "RFC 7348 §5: reserved fields are ignored on receipt",
    driver: "vxlan",
    packet: `ffffffff 00abcdff ${FRAME}`,
    network: 0xabcd,
    found: { identifier: 0xabcd, payload: FRAME },
  },
  {
    what: "RFC 7348 §5: without the I flag there is no VNI",
    driver: "vxlan",
    packet: `f7000000 00abcd00 ${FRAME}`,
    network: 0xabcd,
    found: "no-identifier",
  },
  {
    what: "RFC 8926 §3.4: no options",
    driver: "geneve",
    packet: `00006558 000abc00 ${FRAME}`,
    network: 0xabc,
    found: { identifier: 0xabc, optionsBytes: 0, payload: FRAME },
  },
  {
    what: "RFC 8926 §3.5: options that are not critical are passed over and kept, reserved bits are ignored",
    driver: "geneve",
    packet: `043f6558 000abcff 010201e1deadbeef 01030040 01040020 ${FRAME}`,
    network: 0xabc,
    found: { identifier: 0xabc, optionsAt: 8, optionsBytes: 16, payload: FRAME },
  },
  {
    what: "RFC 8926 §3.5: a critical option that is not known",
    driver: "geneve",
    packet: `01406558 000abc00 01028000 ${FRAME}`,
    network: 0xabc,
    found: "unknown-option",
  },
  {
    what: "RFC 8926 §3.5: the option's own bit counts, also where the header does not say so",
    driver: "geneve",
    packet: `01006558 000abc00 01028000 ${FRAME}`,
    network: 0xabc,
    found: "unknown-option",
  },
  {
    what: "RFC 8926 §3.5: a critical option that the network knows, with another value",
    driver: "geneve",
    packet: `02406558 000abc00 01028001 00000001 ${FRAME}`,
    network: 0xabc,
    options: { options: "0102:80:deadbeef" },
    found: { identifier: 0xabc, payload: FRAME },
  },
  {
    what: "RFC 8926 §3.5: options that do not add up to their length",
    driver: "geneve",
    packet: `01006558 000abc00 01020101 ${FRAME}`,
    network: 0xabc,
    found: "truncated",
  },
  {
    what: "RFC 8926 §3.4: a control packet",
    driver: "geneve",
    packet: `00806558 000abc00 ${FRAME}`,
    network: 0xabc,
    found: "control-packet",
  },
  {
    what: "RFC 8926 §3.4: another version",
    driver: "geneve",
    packet: `40006558 000abc00 ${FRAME}`,
    network: 0xabc,
    found: "bad-version",
  },
  {
    what: "RFC 2784 §2: no key, IPv4",
    driver: "gre",
    packet: `00000800 ${PACKET}`,
    network: 0,
    options: { key: "none", payload: "ip" },
    found: { identifier: 0, payload: PACKET },
  },
  {
    what: "RFC 2784 §2.5: the checksum of header and payload, summed up by hand",
    // 8000 + 0800 + 4500 + 0014 + 403b + 0a00 + 0001 + 0a00 + 0002 = 12152, 2153, inverted deac
    driver: "gre",
    packet: `80000800 deac0000 ${PACKET}`,
    network: 0,
    options: { key: "none", payload: "ip" },
    found: { identifier: 0, payload: PACKET },
  },
  {
    what: "RFC 2784 §2.5: a wrong checksum",
    driver: "gre",
    packet: `80000800 deab0000 ${PACKET}`,
    network: 0,
    options: { key: "none", payload: "ip" },
    found: "bad-checksum",
  },
  {
    what: "RFC 2890 §2: key and sequence number; RFC 2784 §2.3: bits 6 to 12 are ignored",
    driver: "gre",
    packet: `33f86558 deadbeef 00000007 ${FRAME}`,
    network: 0xdeadbeef,
    found: { identifier: 0xdeadbeef, sequence: 7, payload: FRAME },
  },
  {
    what: "RFC 2784 §2.3: routing of RFC 1701",
    driver: "gre",
    packet: `60006558 deadbeef ${FRAME}`,
    network: 0xdeadbeef,
    found: "bad-flags",
  },
  {
    what: "RFC 2637 §4.1: version 1 is PPTP's",
    driver: "gre",
    packet: `2001880b 00040000 ${FRAME}`,
    network: 0x40000,
    found: "bad-version",
  },
  {
    what: "RFC 7637 §3.2: VSID and FlowID",
    driver: "nvgre",
    packet: `20006558 0012349a ${FRAME}`,
    network: 0x1234,
    found: { identifier: 0x1234, payload: FRAME },
  },
  {
    what: "RFC 7637 §3.2: the S bit MUST be zero",
    driver: "nvgre",
    packet: `30006558 0012349a 00000000 ${FRAME}`,
    network: 0x1234,
    found: "bad-flags",
  },
  {
    what: "RFC 3032 §2.1: one label, class 5, TTL 2",
    driver: "mpls-udp",
    packet: `00064b02 ${FRAME}`,
    network: 100,
    found: { identifier: 100, trafficClass: 5, payload: FRAME },
  },
  {
    what: "RFC 4448 §4.6: a control word, whose reserved bits are ignored",
    driver: "mpls-udp",
    packet: `00064140 0fff0000 ${FRAME}`,
    network: 100,
    options: { "control-word": "true" },
    found: { identifier: 100, sequence: -1, payload: FRAME },
  },
  {
    what: "RFC 4448 §4.6: a control word with a sequence number",
    driver: "mpls-udp",
    packet: `00064140 0000ffff ${FRAME}`,
    network: 100,
    options: { "control-word": "true" },
    found: { identifier: 100, sequence: 0xffff, payload: FRAME },
  },
  {
    what: "RFC 4385 §5: the associated channel",
    driver: "mpls-udp",
    packet: `00064140 10000021 ${FRAME}`,
    network: 100,
    options: { "control-word": "true" },
    found: "control-packet",
  },
  {
    what: "RFC 6790 §4.2: an entropy label at the bottom, with TTL 0",
    driver: "mpls-udp",
    packet: `00064040 00007040 abcde100 ${FRAME}`,
    network: 100,
    found: { identifier: 100, payload: FRAME },
  },
  {
    what: "RFC 3032 §2.1: an explicit null before the label",
    driver: "mpls-udp",
    packet: `00000040 00064140 ${PACKET}`,
    network: 100,
    options: { payload: "ip" },
    found: { identifier: 100, payload: PACKET },
  },
  {
    what: "RFC 3032 §2.1: an explicit null is no network's label",
    driver: "mpls-udp",
    packet: `00000140 ${PACKET}`,
    network: 100,
    found: "no-identifier",
  },
  {
    what: "a label behind one of somebody else's",
    driver: "mpls-udp",
    packet: `000c8040 00064140 ${FRAME}`,
    network: 100,
    options: { outer: "300" },
    found: "wrong-network",
  },
  {
    what: "RFC 3032 §2.4.1: a TTL of 0",
    driver: "mpls-udp",
    packet: `00064100 ${FRAME}`,
    network: 100,
    found: "expired",
  },
  {
    what: "IEEE 802.1Q: a tag, PCP 6, drop eligible",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 8100d00a 0806 0001",
    network: 10,
    found: { identifier: 10, trafficClass: 6, payload: "ffffffffffff 02000000000a 0806 0001" },
  },
  {
    what: "IEEE 802.1Q: a second tag is the payload's",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 8100000a 81000014 0806 0001",
    network: 10,
    found: { identifier: 10, payload: "ffffffffffff 02000000000a 81000014 0806 0001" },
  },
  {
    what: "IEEE 802.1Q: a priority tag names no network",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 8100e000 0806 0001",
    network: 10,
    found: "no-identifier",
  },
  {
    what: "IEEE 802.1Q: VID 4095 is reserved",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 81000fff 0806 0001",
    network: 10,
    found: "no-identifier",
  },
  {
    what: "IEEE 802.1ad: a service tag and a customer's",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 88a800c8 8100000a 0806 0001",
    network: 10,
    options: { service: "200" },
    found: { identifier: 10, outerIdentifier: 200, payload: "ffffffffffff 02000000000a 0806 0001" },
  },
  {
    what: "IEEE 802.1ad: the VID of another service is another network",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 88a800c9 8100000a 0806 0001",
    network: 10,
    options: { service: "200" },
    found: "wrong-network",
  },
  {
    what: "IEEE 802.1ad: the same VID without a service tag is another network",
    driver: "vlan",
    packet: "ffffffffffff 02000000000a 8100000a 0806 0001",
    network: 10,
    options: { service: "200" },
    found: "wrong-network",
  },
];

for (const { what, driver: name, packet, network: identifier, options, found } of FOREIGN) {
  Deno.test(`${name} reads ${what}`, () => {
    const driver = getDriverFactory(name)();
    const network = driver.encapsulation(identifier, options);
    const bytes = fromHex(packet);
    const header = new DecodedHeader();
    const failure = driver.decode(bytes, 0, bytes.length, header) ?? network.accept(bytes, header);
    if (typeof found === "string" || failure !== undefined) {
      assert.equal(failure, found);
      return;
    }
    const { payload, ...fields } = found;
    const actual = Object.fromEntries(
      Object.keys(fields).map((field) => [field, Reflect.get(header, field)]),
    );
    assert.deepEqual(actual, fields);
    const end = header.payloadAt + header.payloadBytes;
    assert.deepEqual(bytes.subarray(header.payloadAt, end), fromHex(payload));
  });
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}
