import assert from "node:assert/strict";
import fc from "fast-check";
import { countDownHopLimit, undeliverable } from "./ip_forwarding.ts";
import { internetChecksum } from "./ip_packet.ts";

function ipv4(fields: { hopLimit?: number; protocol?: number; identification?: number; length?: number }) {
  const { hopLimit = 64, protocol = 17, identification = 1, length = 100 } = fields;
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0], 0);
  view.setUint16(2, length);
  view.setUint16(4, identification);
  packet.set([0x40, 0, hopLimit, protocol], 6);
  packet.set([10, 200, 0, 1, 10, 200, 0, 2], 12);
  view.setUint16(10, internetChecksum(packet, 0, 20));
  return packet;
}

function ipv6(hopLimit = 64, nextHeader = 17, length = 1400) {
  const packet = new Uint8Array(length);
  packet.set([0x60, 0, 0, 0, (length - 40) >> 8, (length - 40) & 0xff, nextHeader, hopLimit]);
  packet.set([0xfd, 1], 8);
  packet.set([0xfd, 2], 24);
  return packet;
}

Deno.test("countDownHopLimit() keeps the checksum of every header right", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 255 }), fc.nat(0xffff), (hopLimit, identification) => {
    const packet = ipv4({ hopLimit, identification });
    const counted = countDownHopLimit(packet, 0, 4);
    assert.equal(counted, hopLimit > 1);
    assert.equal(packet[8], counted ? hopLimit - 1 : hopLimit);
    assert.equal(internetChecksum(packet, 0, 20), 0);
  }));
  const packet = new Uint8Array([1, 2, ...ipv6(2)]);
  assert.ok(countDownHopLimit(packet, 2, 6));
  assert.equal(packet[9], 1);
  assert.ok(!countDownHopLimit(packet, 2, 6));
});

Deno.test("undeliverable() answers the sender as the destination, with what fits and right checksums", () => {
  const four =
    undeliverable(ipv4({ length: 1420 }), 0, 1420, { version: 4, why: "too-big", mtuBytes: 1280 }) ??
      assert.fail();
  assert.equal(four.length, 576);
  assert.deepEqual([...four.subarray(12, 20)], [10, 200, 0, 2, 10, 200, 0, 1]);
  assert.deepEqual([...four.subarray(20, 22), ...four.subarray(24, 28)], [3, 4, 0, 0, 5, 0]);
  assert.equal(internetChecksum(four, 0, 20), 0);
  assert.equal(internetChecksum(four, 20, four.length - 20), 0);
  assert.deepEqual(four.subarray(28), ipv4({ length: 1420 }).subarray(0, 548));
  const six =
    undeliverable(new Uint8Array([9, ...ipv6()]), 1, 1400, { version: 6, why: "too-big", mtuBytes: 1280 }) ??
      assert.fail();
  assert.equal(six.length, 1280);
  assert.deepEqual([...six.subarray(8, 10), ...six.subarray(24, 26)], [0xfd, 2, 0xfd, 1]);
  assert.deepEqual([...six.subarray(40, 42), ...six.subarray(44, 48)], [2, 0, 0, 0, 5, 0]);
  const pseudo = 0xfd02 + 0xfd01 + (six.length - 40) + 58;
  assert.equal(internetChecksum(six, 40, six.length - 40, pseudo), 0);
});

Deno.test("undeliverable() answers no error of ICMP", () => {
  const error = ipv4({ protocol: 1, length: 1420 });
  error[20] = 3;
  assert.equal(undeliverable(error, 0, 1420, { version: 4, why: "too-big", mtuBytes: 1280 }), undefined);
  error[20] = 8;
  assert.ok(undeliverable(error, 0, 1420, { version: 4, why: "too-big", mtuBytes: 1280 }));
  const six = ipv6(64, 58);
  six[40] = 1;
  assert.equal(undeliverable(six, 0, six.length, { version: 6, why: "too-big", mtuBytes: 1280 }), undefined);
  six[40] = 128;
  assert.ok(undeliverable(six, 0, six.length, { version: 6, why: "too-big", mtuBytes: 1280 }));
});

Deno.test("undeliverable() says why by the numbers of each family", () => {
  const said = (["host", "port", "protocol"] as const).map((why) => {
    const four = undeliverable(ipv4({}), 0, 100, { version: 4, why }) ?? assert.fail();
    assert.equal(internetChecksum(four, 20, four.length - 20), 0);
    const six = undeliverable(ipv6(), 0, 1400, { version: 6, why }) ?? assert.fail();
    assert.equal(internetChecksum(six, 40, six.length - 40, 0xfd02 + 0xfd01 + (six.length - 40) + 58), 0);
    return [
      ...four.subarray(20, 22),
      ...four.subarray(24, 28),
      ...six.subarray(40, 42),
      ...six.subarray(44, 48),
    ];
  });
  assert.deepEqual(said, [
    [3, 1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0],
    [3, 3, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0],
    [3, 2, 0, 0, 0, 0, 4, 1, 0, 0, 0, 6],
  ]);
});
