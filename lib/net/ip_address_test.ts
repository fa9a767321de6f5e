import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "./ip_address.ts";

const arbitraryIpv4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Mostly zero groups, so that runs of every length and place occur.
const arbitraryIpv6Bytes = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
}).map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
const arbitraryBytes = fc.oneof(arbitraryIpv4Bytes, arbitraryIpv6Bytes);

const canonical: readonly (readonly [text: string, canonical: string])[] = [
  ["0.0.0.0", "0.0.0.0"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["0:0:0:0:0:0:0:0", "::"],
  // RFC 5952 §4.1: no leading zeros.
  ["2001:0db8::0001", "2001:db8::1"],
  // RFC 5952 §4.2.1: shortened as much as possible.
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  // RFC 5952 §4.2.2: not for a single group.
  ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  // RFC 5952 §4.2.3: the longest run, the first of equals.
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  // RFC 5952 §4.3: lower case.
  ["2001:DB8::ABCD", "2001:db8::abcd"],
  // RFC 5952 §5: known prefixes show their IPv4 address.
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["::FFFF:c000:201", "::ffff:192.0.2.1"],
  ["::192.0.2.1", "::c000:201"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
];
for (const [text, expected] of canonical) {
  Deno.test(`IpAddress.toString() of ${text} is ${expected}`, () => {
    assert.equal(IpAddress.parse(text)?.toString(), expected);
  });
}

const malformed = [
  ..."| |1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.00|1.2.3.|.1.2.3|1..2.3|+1.2.3.4|0x1.2.3.4|1e1.2.3.4| 1.2.3.4"
    .split("|"),
  ..."1.2.3.4 |1.2.3.4\n|1.2.3.4/8|1.2.3.4:80|१.2.3.4|localhost|:|:::|1|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9"
    .split("|"),
  ..."1::2::3|:1:2:3:4:5:6:7|1:2:3:4:5:6:7:|1:2:3:4:5:6:7:8::|::1:2:3:4:5:6:7:8|1:2:3:4::5:6:7:8|12345::|g::"
    .split("|"),
  ..."fe80::1%eth0|[::1]|::1.2.3|::1.2.3.256|::1.2.3.4:5|1.2.3.4::|1:2:3:4:5:6:7:1.2.3.4|::-1|:: |::1.2.3.04"
    .split("|"),
  ":".repeat(100_000),
  "1:".repeat(100_000),
];
Deno.test("IpAddress.parse() rejects what is no address", () => {
  for (const text of malformed) {
    assert.equal(IpAddress.parse(text), undefined, JSON.stringify(text.slice(0, 40)));
  }
});

Deno.test("IpAddress.parse() never throws and gives only what prints and parses again", () => {
  fc.assert(fc.property(
    fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,45}$/)),
    (text) => {
      const parsed = IpAddress.parse(text);
      if (parsed !== undefined) assert.ok(IpAddress.parse(parsed.toString())?.equals(parsed));
    },
  ));
});

Deno.test("IpAddress round-trips through text, bytes and integers", () => {
  fc.assert(fc.property(arbitraryBytes, (bytes) => {
    const address = IpAddress.fromBytes(bytes);
    assert.deepEqual(IpAddress.parse(address.toString())?.bytes, bytes);
    assert.ok(IpAddress.fromBigInt(address.toBigInt(), address.family).equals(address));
    assert.equal(address.family, bytes.length === 4 ? 4 : 6);
  }));
});

Deno.test("IpAddress.toString() of IPv6 is what the URL standard serializes", () => {
  fc.assert(fc.property(arbitraryIpv6Bytes, (bytes) => {
    const address = IpAddress.fromBytes(bytes);
    // The URL standard follows RFC 5952 except for its §5.
    fc.pre(address.unmapped() === address);
    assert.equal(`[${address}]`, new URL(`http://[${address}]/`).hostname);
  }));
});

Deno.test("IpAddress.compare() puts IPv4 first and then follows the value", () => {
  fc.assert(fc.property(arbitraryBytes, arbitraryBytes, (a, b) => {
    const [left, right] = [IpAddress.fromBytes(a), IpAddress.fromBytes(b)];
    const difference = left.toBigInt() - right.toBigInt();
    const expected = left.family !== right.family ? left.family - right.family : difference;
    assert.equal(Math.sign(left.compare(right)), Math.sign(Number(expected)));
    assert.equal(left.compare(right) === 0, left.equals(right));
  }));
});

Deno.test("IpAddress.fromBytes() keeps its own copy and takes only 4 or 16 bytes", () => {
  const bytes = Uint8Array.of(192, 0, 2, 1);
  const address = IpAddress.fromBytes(bytes);
  bytes[0] = 1;
  assert.equal(address.toString(), "192.0.2.1");
  for (const length of [0, 3, 5, 15, 17]) {
    assert.throws(() => IpAddress.fromBytes(new Uint8Array(length)), RangeError);
  }
});

Deno.test("IpAddress.fromBigInt() refuses what does not fit", () => {
  assert.equal(IpAddress.fromBigInt(0xffffffffn, 4).toString(), "255.255.255.255");
  assert.equal(IpAddress.fromBigInt(1n, 6).toString(), "::1");
  assert.throws(() => IpAddress.fromBigInt(1n << 32n, 4), RangeError);
  assert.throws(() => IpAddress.fromBigInt(1n << 128n, 6), RangeError);
  assert.throws(() => IpAddress.fromBigInt(-1n, 6), RangeError);
});

Deno.test("IpAddress knows the special blocks by their edges", () => {
  type Property = "isUnspecified" | "isLoopback" | "isLinkLocal" | "isMulticast";
  const cases: readonly (readonly [Property, inside: string, outside: string])[] = [
    ["isUnspecified", "0.0.0.0 ::", "0.0.0.1 ::1 ::ffff:0.0.0.0"],
    ["isLoopback", "127.0.0.0 127.255.255.255 ::1", "126.255.255.255 128.0.0.0 :: ::2 1::1"],
    [
      "isLinkLocal",
      "169.254.0.0 169.254.255.255 fe80:: febf::1",
      "169.253.255.255 169.255.0.0 fe7f:: fec0::",
    ],
    ["isMulticast", "224.0.0.0 239.255.255.255 ff00:: ff02::1", "223.255.255.255 240.0.0.0 feff::"],
  ];
  for (const [property, inside, outside] of cases) {
    for (const text of inside.split(" ")) assert.equal(IpAddress.parse(text)?.[property], true, text);
    for (const text of outside.split(" ")) assert.equal(IpAddress.parse(text)?.[property], false, text);
  }
});

Deno.test("IpAddress.unmapped() takes the IPv4 address out of a mapped one and leaves others alone", () => {
  assert.equal(IpAddress.parse("::ffff:192.0.2.1")?.unmapped().toString(), "192.0.2.1");
  for (const text of ["192.0.2.1", "::192.0.2.1", "::fffe:192.0.2.1", "1::ffff:192.0.2.1"]) {
    const address = IpAddress.parse(text);
    assert.equal(address?.unmapped(), address);
  }
});
