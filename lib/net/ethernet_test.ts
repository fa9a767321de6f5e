import assert from "node:assert/strict";
import fc from "fast-check";
import { EthernetHeader, groupMac, writeEthernetHeader } from "./ethernet.ts";
import { IpAddress } from "./ip_address.ts";
import { MacAddress } from "./mac_address.ts";

const A = MacAddress.parse("02:00:00:00:00:0a") ?? assert.fail();
const B = MacAddress.parse("fe:dc:ba:98:76:54") ?? assert.fail();

function frame(...hex: string[]): Uint8Array {
  return Uint8Array.fromHex("02000000000afedcba987654" + hex.join(""));
}

const CASES: readonly [
  name: string,
  bytes: Uint8Array,
  etherType: number,
  payloadAt: number,
  tags: number,
][] = [
  ["a protocol", frame("0800", "45"), 0x0800, 14, 0],
  ["a tag", frame("8100", "0007", "0806", "00"), 0x0806, 18, 1],
  ["two tags", frame("88a8", "0007", "8100", "0008", "86dd"), 0x86dd, 22, 2],
  ["a length and LLC", frame("0003", "424203"), 0, 14, 0],
  ["a length and SNAP", frame("000a", "aaaa03000000", "0806", "0102"), 0x0806, 22, 0],
  ["a tag, a length and SNAP", frame("8100", "0001", "0008", "aaaa03000000", "0800"), 0x0800, 26, 1],
  ["a length and padding", frame("0001", "42424242"), 0, 14, 0],
];

for (const [name, bytes, etherType, payloadAt, tags] of CASES) {
  Deno.test(`EthernetHeader reads a frame with ${name}`, () => {
    const header = new EthernetHeader();
    const shifted = Uint8Array.from([9, 9, 9, ...bytes]);
    assert.equal(header.read(shifted, 3, bytes.length), undefined);
    assert.deepEqual([header.etherType, header.payloadAt, header.tags], [etherType, 3 + payloadAt, tags]);
    assert.deepEqual([header.destinationHigh, header.destinationLow], [A.high, A.low | 0]);
    assert.deepEqual([header.sourceHigh, header.sourceLow], [B.high, B.low | 0]);
  });
}

Deno.test("EthernetHeader.read() says why bytes are no frame, at every length", () => {
  const header = new EthernetHeader();
  const bytes = frame("88a8", "0007", "8100", "0008", "86dd");
  for (let length = 0; length < bytes.length; length++) {
    // What stands behind the end is not read, whatever it says.
    assert.equal(header.read(bytes, 0, length), "short-frame", String(length));
  }
  assert.equal(header.read(frame("0004", "424203"), 0, 17), "bad-length");
  const tags = "81000001".repeat(5);
  assert.equal(header.read(frame(tags, "0800"), 0, 34), "too-many-tags");
  assert.equal(header.read(frame(tags.slice(8), "0800"), 0, 30), undefined);
});

Deno.test("EthernetHeader.read() never throws, and stays within the frame", () => {
  const header = new EthernetHeader();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    if (header.read(bytes, 0, bytes.length) === undefined) assert.ok(header.payloadAt <= bytes.length);
  }));
});

Deno.test("writeEthernetHeader() and EthernetHeader are each other's inverse", () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => MacAddress.fromBytes(bytes));
  const header = new EthernetHeader();
  fc.assert(
    fc.property(mac, mac, fc.integer({ min: 0x600, max: 0x7fff }), (destination, source, etherType) => {
      const bytes = new Uint8Array(20);
      assert.equal(writeEthernetHeader(bytes, 2, { destination, source, etherType }), 16);
      assert.equal(header.read(bytes, 2, 18), undefined);
      assert.ok(
        destination.equals(MacAddress.fromBytes(bytes, 2)) && source.equals(MacAddress.fromBytes(bytes, 8)),
      );
      assert.equal(header.etherType, etherType);
      assert.deepEqual([header.sourceHigh, header.sourceLow], [source.high, source.low | 0]);
    }),
  );
});

Deno.test("groupMac() maps groups as RFC 1112 and RFC 2464 say, and nothing else", () => {
  const of = (text: string) => String(groupMac(IpAddress.parse(text) ?? assert.fail()));
  assert.equal(of("224.0.0.251"), "01:00:5e:00:00:fb");
  assert.equal(of("239.129.2.3"), "01:00:5e:01:02:03");
  assert.equal(of("ff02::1:ff12:3456"), "33:33:ff:12:34:56");
  assert.throws(() => of("10.0.0.1"), RangeError);
});
