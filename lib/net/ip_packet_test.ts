import assert from "node:assert/strict";
import fc from "fast-check";
import {
  internetChecksum,
  ipDestinationOffset,
  ipPacketLength,
  ipSourceOffset,
  ipVersion,
} from "./ip_packet.ts";

/** The header of the Wikipedia article on the IPv4 checksum: 192.168.0.1 to 192.168.0.199, 115 bytes of UDP. */
const ipv4Header = Uint8Array.fromHex("45000073000040004011b861c0a80001c0a800c7");

function ipv4Packet(totalLength: number, words = 5): Uint8Array {
  const packet = new Uint8Array(Math.max(totalLength, words * 4));
  packet.set([0x40 | words, 0, totalLength >> 8, totalLength & 0xff]);
  return packet;
}

function ipv6Packet(payloadLength: number): Uint8Array {
  const packet = new Uint8Array(40 + payloadLength);
  packet.set([0x60, 0, 0, 0, payloadLength >> 8, payloadLength & 0xff]);
  return packet;
}

Deno.test("ipVersion() knows 4 and 6 only", () => {
  assert.equal(ipVersion(new Uint8Array(0)), 0);
  for (let version = 0; version < 16; version++) {
    const known = version === 4 || version === 6 ? version : 0;
    assert.equal(ipVersion(Uint8Array.of(version << 4 | 0xf)), known);
  }
});

Deno.test("ipPacketLength() leaves padding out", () => {
  for (
    const packet of [ipv4Packet(20), ipv4Packet(100), ipv4Packet(60, 15), ipv6Packet(0), ipv6Packet(1280)]
  ) {
    const padded = new Uint8Array(packet.length + 15);
    padded.set(packet);
    assert.equal(ipPacketLength(packet), packet.length);
    assert.equal(ipPacketLength(padded), packet.length);
  }
});

Deno.test("ipPacketLength() rejects a packet that is cut off anywhere", () => {
  for (const packet of [ipv4Packet(61), ipv4Packet(60, 15), ipv6Packet(17)]) {
    for (let length = 0; length < packet.length; length++) {
      assert.equal(ipPacketLength(packet.subarray(0, length)), undefined);
    }
  }
});

Deno.test("ipPacketLength() rejects headers that contradict themselves", () => {
  const cases: Record<string, Uint8Array> = {
    "header of 16 bytes": ipv4Packet(40, 4),
    "total length below the header": ipv4Packet(19),
    "total length below the options": ipv4Packet(59, 15),
    "total length of zero": ipv4Packet(0),
    "version 5": Uint8Array.of(0x55, ...new Uint8Array(60)),
  };
  for (const [name, packet] of Object.entries(cases)) assert.equal(ipPacketLength(packet), undefined, name);
});

Deno.test("ipPacketLength() is never more than there is, and where it is defined both addresses can be read", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom(0x40, 0x45, 0x46, 0x60),
    (bytes, first) => {
      if (bytes.length > 0) bytes[0] = first;
      const length = ipPacketLength(bytes);
      if (length === undefined) return;
      assert.ok(length <= bytes.length);
      const version = ipVersion(bytes);
      assert.ok(version !== 0);
      assert.ok(ipSourceOffset(version) < ipDestinationOffset(version));
      assert.ok(ipDestinationOffset(version) + (version === 4 ? 4 : 16) <= length);
    },
  ));
});

Deno.test("internetChecksum() of a header with its checksum is zero", () => {
  assert.equal(internetChecksum(ipv4Header, 0, 20), 0);
  const blank = ipv4Header.slice();
  blank.fill(0, 10, 12);
  assert.equal(internetChecksum(blank, 0, 20), 0xb861);
});

Deno.test("internetChecksum() takes the sum of RFC 1071 §3, odd lengths and an initial sum", () => {
  const words = Uint8Array.fromHex("0001f203f4f5f6f7");
  assert.equal(internetChecksum(words, 0, 8), ~0xddf2 & 0xffff);
  assert.equal(internetChecksum(words, 2, 6, 0x0001), ~0xddf2 & 0xffff);
  assert.equal(internetChecksum(Uint8Array.of(0x12), 0, 1), ~0x1200 & 0xffff);
  assert.equal(internetChecksum(new Uint8Array(0), 0, 0), 0xffff);
  assert.equal(internetChecksum(new Uint8Array(65535).fill(0xff), 0, 65535), ~0xff00 & 0xffff);
  assert.throws(() => internetChecksum(words, 4, 5), RangeError);
  assert.throws(() => internetChecksum(words, -1, 2), RangeError);
});
