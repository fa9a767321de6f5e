import assert from "node:assert/strict";
import fc from "fast-check";
import { Cidr } from "./cidr.ts";
import { IpAddress } from "./ip_address.ts";

const arbitraryAddress = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
).map((bytes) => IpAddress.fromBytes(bytes));
const arbitraryCidr = arbitraryAddress.chain((address) =>
  fc.integer({ min: 0, max: address.family === 4 ? 32 : 128 }).map((bits) => Cidr.of(address, bits))
);

Deno.test("Cidr.parse() clears host bits", () => {
  const cases = [
    ["10.200.0.1/16", "10.200.0.0/16"],
    ["10.200.0.1/32", "10.200.0.1/32"],
    ["255.255.255.255/0", "0.0.0.0/0"],
    ["192.0.2.255/31", "192.0.2.254/31"],
    ["fd00:1:2:3:4:5:6:7/8", "fd00::/8"],
    ["2001:db8:ffff::/35", "2001:db8:e000::/35"],
    ["::1/128", "::1/128"],
    ["ffff::/0", "::/0"],
  ];
  for (const [text, expected] of cases) assert.equal(Cidr.parse(text ?? "")?.toString(), expected);
});

Deno.test("Cidr.parse() rejects what is no block", () => {
  const malformed =
    "|/|10.0.0.0|10.0.0.0/|10.0.0.0/33|10.0.0.0/08|10.0.0.0/-1|10.0.0.0/8.0|10.0.0.0/8/8|10.0.0/8" +
    "|10.0.0.256/8|010.0.0.0/8| 10.0.0.0/8|10.0.0.0/8 |10.0.0.0 /8|10.0.0.0/255.0.0.0|::/129|::/1e1|::/0x8|/8|fd00/8" +
    "|10.0.0.0/999|::/+8|10.0.0.0/8\n";
  for (const text of malformed.split("|")) assert.equal(Cidr.parse(text), undefined, JSON.stringify(text));
});

Deno.test("Cidr.of() refuses a prefix that the family does not have", () => {
  const address = IpAddress.fromBytes(new Uint8Array(4));
  for (const bits of [-1, 33, 1.5, NaN]) assert.throws(() => Cidr.of(address, bits), RangeError);
});

Deno.test("Cidr round-trips through text and holds exactly what lies between its ends", () => {
  fc.assert(fc.property(arbitraryCidr, arbitraryAddress, (block, address) => {
    assert.ok(Cidr.parse(block.toString())?.equals(block));
    assert.ok(block.contains(block.network) && block.contains(block.broadcast));
    const inside = address.family === block.family && address.compare(block.network) >= 0 &&
      address.compare(block.broadcast) <= 0;
    assert.equal(block.contains(address), inside);
    const hostBits = BigInt(block.address.bytes.length * 8 - block.prefixBits);
    assert.equal(block.broadcast.toBigInt() - block.network.toBigInt(), (1n << hostBits) - 1n);
  }));
});

Deno.test("Cidr.overlaps() is true when and only when one block holds the other", () => {
  fc.assert(fc.property(arbitraryCidr, fc.nat(128), arbitraryAddress, (block, bits, address) => {
    const near = Cidr.of(block.address, Math.min(bits, block.address.bytes.length * 8));
    assert.ok(block.overlaps(near) && near.overlaps(block));
    const other = Cidr.of(address, Math.min(bits, address.bytes.length * 8));
    const apart = block.family !== other.family || block.broadcast.compare(other.network) < 0 ||
      other.broadcast.compare(block.network) < 0;
    assert.equal(block.overlaps(other), !apart);
  }));
});

Deno.test("Cidr.contains() of ::/0 holds no IPv4 address", () => {
  const address = IpAddress.fromBytes(new Uint8Array(4));
  assert.equal(Cidr.parse("::/0")?.contains(address), false);
  assert.equal(Cidr.host(address).toString(), "0.0.0.0/32");
  assert.equal(Cidr.host(address).contains(address), true);
});
