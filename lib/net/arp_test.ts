import assert from "node:assert/strict";
import { ARP_BYTES, arpFrame, arpOperation } from "./arp.ts";
import { MacAddress } from "./mac_address.ts";

const A = MacAddress.parse("02:00:00:00:00:0a") ?? assert.fail();
const B = MacAddress.parse("02:00:00:00:00:0b") ?? assert.fail();

function packet(): Uint8Array {
  const sender = { mac: A, address: Uint8Array.of(10, 0, 0, 1) };
  const target = { mac: B, address: Uint8Array.of(10, 0, 0, 2) };
  return arpFrame(B, { operation: 2, sender, target }).subarray(14);
}

Deno.test("arpFrame() writes what RFC 826 draws", () => {
  assert.equal(packet().toHex(), "000108000604000202000000000a0a00000102000000000b0a000002");
});

Deno.test("arpOperation() reads requests and replies, and refuses what is cut off at every byte", () => {
  assert.equal(arpOperation(packet(), 0, ARP_BYTES), 2);
  for (let length = 0; length < ARP_BYTES; length++) {
    assert.equal(arpOperation(packet(), 0, length), undefined, String(length));
  }
});

Deno.test("arpOperation() refuses other hardware, protocols, lengths and operations, by one flipped bit", () => {
  for (let bit = 0; bit < 64; bit++) {
    const bytes = packet();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
    assert.equal(arpOperation(bytes, 0, ARP_BYTES), undefined, String(bit));
  }
  const request = packet();
  request[7] = 1;
  assert.equal(arpOperation(request, 0, ARP_BYTES), 1);
});
