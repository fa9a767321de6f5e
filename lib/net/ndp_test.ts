import assert from "node:assert/strict";
import fc from "fast-check";
import { icmpv6Checksum, Ipv6Payload } from "./ipv6_headers.ts";
import { MacAddress } from "./mac_address.ts";
import { NA_FLAG, NdMessage, neighborAdvertisementFrame } from "./ndp.ts";

const TARGET = Uint8Array.fromHex("fd000000000000000000000000000001");
const OPTION = "0101020000000001";

function solicitation(...options: string[]): Uint8Array {
  return Uint8Array.fromHex("87000000" + "00000000" + TARGET.toHex() + options.join(""));
}

Deno.test("neighborAdvertisementFrame() makes a message that NdMessage reads, with a right checksum", () => {
  const mac = MacAddress.parse("02:00:00:00:00:01") ?? assert.fail();
  const frame = neighborAdvertisementFrame({
    destination: { mac, address: TARGET },
    target: { mac, address: TARGET },
    flags: NA_FLAG.OVERRIDE,
  });
  const payload = new Ipv6Payload();
  assert.ok(payload.read(frame, 14, frame.length - 14));
  assert.deepEqual([payload.protocol, payload.at, payload.end], [58, 54, frame.length]);
  assert.equal(icmpv6Checksum(frame, 14, 54, frame.length - 54), 0);
  const message = new NdMessage();
  assert.ok(message.read(frame, 54, frame.length - 54));
  assert.deepEqual([message.type, message.targetAt, message.sourceMacAt, message.targetMacAt], [
    136,
    62,
    -1,
    80,
  ]);
});

Deno.test("NdMessage.read() refuses what is cut off at every byte, but for whole options", () => {
  const message = new NdMessage();
  const bytes = solicitation(OPTION, "0e01020000000001");
  for (let length = 0; length <= bytes.length; length++) {
    assert.equal(message.read(bytes, 0, length), [24, 32, 40].includes(length), String(length));
  }
  assert.ok(message.read(bytes, 0, bytes.length));
  assert.equal(message.sourceMacAt, 26);
});

Deno.test("NdMessage.read() refuses options without length, MAC addresses that are doubled or long, and codes", () => {
  const message = new NdMessage();
  for (
    const options of [["0100020000000001"], [OPTION, OPTION], ["0102" + "00".repeat(14)], [
      "01ff020000000001",
    ]]
  ) {
    const bytes = solicitation(...options);
    assert.equal(message.read(bytes, 0, bytes.length), false, options.join());
  }
  const coded = solicitation(OPTION);
  coded[1] = 1;
  assert.equal(message.read(coded, 0, coded.length), false);
});

Deno.test("NdMessage and Ipv6Payload never throw, and point into what they were given", () => {
  const message = new NdMessage();
  const payload = new Ipv6Payload();
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 133, max: 137 }), (random, type) => {
      random[0] = type;
      random[1] = 0;
      if (message.read(random, 0, random.length)) {
        for (const at of [message.sourceMacAt, message.targetMacAt]) assert.ok(at + 6 <= random.length);
        assert.ok(message.targetAt + (message.targetAt < 0 ? 0 : 16) <= random.length);
      }
      random[0] = 0x60;
      if (payload.read(random, 0, random.length)) {
        assert.ok(payload.at <= payload.end && payload.end <= random.length);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("Ipv6Payload passes extension headers, and knows fragments", () => {
  const packet = (next: number, ...rest: string[]) => {
    const payload = Uint8Array.fromHex(rest.join(""));
    const bytes = new Uint8Array(40 + payload.length);
    bytes.set([0x60, 0, 0, 0, 0, payload.length, next, 255]);
    bytes.set(payload, 40);
    return bytes;
  };
  const payload = new Ipv6Payload();
  const hops = packet(0, "3a00050200000000", "83000000");
  assert.ok(payload.read(hops, 0, hops.length));
  assert.deepEqual([payload.protocol, payload.at, payload.isFragment], [58, 48, false]);
  const first = packet(44, "3a00000100000001", "8700");
  assert.ok(payload.read(first, 0, first.length));
  assert.deepEqual([payload.protocol, payload.isFragment, payload.isLaterFragment], [58, true, false]);
  const later = packet(44, "0000000900000001", "8700");
  assert.ok(payload.read(later, 0, later.length));
  assert.deepEqual([payload.at, payload.isLaterFragment], [48, true]);
  for (let length = 0; length < hops.length; length++) assert.equal(payload.read(hops, 0, length), false);
  const many = packet(60, "3c00000000000000".repeat(9));
  assert.equal(payload.read(many, 0, many.length), false);
});
