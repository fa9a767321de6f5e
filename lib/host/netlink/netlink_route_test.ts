import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../../net/mod.ts";
import { decodeAddress, decodeLink, decodeRoute, encodeAddress, encodeLink } from "./netlink_route.ts";

/** What Linux 6 listed, without the messages' headers: interface 2 is eth1, 3 is eth0. */
const ROUTES:
  readonly (readonly [name: string, hex: string, cidr: string, table: number, interfaces: number[]])[] = [
    [
      "a default route",
      "02000000fe0300010000000008000f00fe00000008000500c00002090800040003000000",
      "0.0.0.0/0",
      254,
      [3],
    ],
    [
      "an interface's own route",
      "02180000fe02fd010000000008000f00fe00000008000100c000020008000700c00002010800040003000000",
      "192.0.2.0/24",
      254,
      [3],
    ],
    [
      "a route of a table beyond 255",
      "02100000fc03fd010000000008000f00e8030000080001000a0300000800040003000000",
      "10.3.0.0/16",
      1000,
      [3],
    ],
    ["a blackhole", "02100000fe0300060000000008000f00fe000000080001000a020000", "10.2.0.0/16", 254, []],
    [
      "two next hops of IPv4",
      "02100000fe0300010000000008000f00fe000000080001000a01000024000900100000000300000008000500c0000207100000000200" +
      "000008000500c6336407",
      "10.1.0.0/16",
      254,
      [3, 2],
    ],
    [
      "a route of IPv6",
      "0a200000fe0300010000000008000f00fe00000014000100fd000007000000000000000000000000080006000004000008000400030" +
      "0000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
      "fd00:7::/32",
      254,
      [3],
    ],
    [
      "two next hops of IPv6",
      "0a200000fe0300010000000008000f00fe00000014000100fd00000800000000000000000000000008000600000400003c0009001c0" +
      "000000300000014000500fe8000000000000000000000000000011c0000000200000014000500fe800000000000000000000000000002" +
      "24000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
      "fd00:8::/32",
      254,
      [3, 2],
    ],
  ];

for (const [name, hex, cidr, table, interfaceIndexes] of ROUTES) {
  Deno.test(`decodeRoute() reads ${name}`, () => {
    const route = decodeRoute(Uint8Array.fromHex(hex));
    assert(route !== undefined && route !== "other");
    assert.equal(route.cidr.toString(), cidr);
    assert.deepEqual([route.table, route.interfaceIndexes], [table, interfaceIndexes]);
  });

  Deno.test(`decodeRoute() bears ${name} cut short or damaged`, () => {
    const bytes = Uint8Array.fromHex(hex);
    for (let length = 0; length < 12; length++) {
      assert.equal(decodeRoute(bytes.subarray(0, length)), undefined);
    }
    for (let length = 12; length < bytes.length; length++) decodeRoute(bytes.subarray(0, length));
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ 1 << (bit & 7);
      decodeRoute(damaged);
    }
  });
}

Deno.test("decodeRoute() rejects what contradicts itself", () => {
  const good = Uint8Array.fromHex(ROUTES[1]?.[1] ?? "");
  const cases: readonly (readonly [name: string, at: number, value: number])[] = [
    ["a prefix of 33 bits", 1, 33],
    ["a destination of another family", 0, 10],
    ["a table of 2 bytes", 12, 6],
    ["a destination without end", 20, 0xff],
  ];
  for (const [name, at, value] of cases) assert.equal(decodeRoute(good.with(at, value)), undefined, name);
});

Deno.test("decodeRoute() passes over other families and cached routes", () => {
  const good = Uint8Array.fromHex(ROUTES[1]?.[1] ?? "");
  assert.equal(decodeRoute(good.with(0, 28)), "other");
  assert.equal(decodeRoute(good.with(9, 0x02)), "other");
});

Deno.test("decodeLink() reads a link and whether it runs", () => {
  const up = Uint8Array.fromHex("00000403010000004900010000000000070003006c6f000008000d00e8030000");
  assert.deepEqual(decodeLink(up), { index: 1, name: "lo", isRunning: true });
  const down = Uint8Array.fromHex(
    "000001000300000043100000000000000900030065746830000000000800" + "0d00e8030000",
  );
  assert.deepEqual(decodeLink(down), { index: 3, name: "eth0", isRunning: false });
  assert.equal(decodeLink(up.subarray(0, 16)), undefined);
  assert.equal(decodeLink(up.with(22, 0x41)), undefined, "a name without its final zero");
});

Deno.test("decodeRoute() and decodeLink() come to an end on any bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  const routes = fc.tuple(fc.constantFrom(2, 10), bytes).map(([family, rest]) =>
    Uint8Array.of(family, ...rest)
  );
  fc.assert(fc.property(fc.oneof(bytes, routes), (payload) => {
    decodeRoute(payload);
    decodeLink(payload);
  }));
});

Deno.test("encodeAddress() and encodeLink() lay out the fixed parts", () => {
  const address = IpAddress.parse("10.200.0.1");
  assert(address !== undefined);
  assert.equal(encodeAddress(7, address, 16).body.toHex(), "0210000007000000");
  assert.equal(encodeLink(7, { isUp: true }).body.toHex(), "00000000070000000100000001000000");
  assert.equal(encodeLink(7, {}).body.toHex(), "00000000070000000000000000000000");
});

Deno.test("decodeAddress() reads what Linux tells of an address that goes, and nothing cut or of another family", () => {
  // 192.168.1.100/24 of interface 2, as `ip address flush` had it told: address, local, broadcast, label, flags
  const hex =
    "021880000200000008000100c0a8016408000200c0a8016408000400c0a801ff090003006574683000000000080008008000" +
    "0000";
  const payload = Uint8Array.fromHex(hex);
  assert.equal(decodeAddress(payload)?.toString(), "192.168.1.100");
  assert.equal(decodeAddress(payload.subarray(0, 7)), undefined);
  assert.equal(decodeAddress(payload.with(0, 10)), undefined);
  assert.equal(decodeAddress(payload.with(0, 1)), undefined);
});
