import assert from "node:assert/strict";
import { randomBytes, SeededRandom } from "../../../base/mod.ts";
import { internetChecksum, transportChecksum } from "../../../net/mod.ts";
import { describeReceived, fillsWhole } from "./received_offload.ts";

const AT = 64;
const VIRTIO = AT - 10;

interface Frame {
  readonly version: 4 | 6;
  readonly protocol: 6 | 17;
  readonly payloadBytes: number;
  readonly tags?: number;
  readonly checksum: "begun" | "complete";
}

/** A frame at `AT`, as the kernel hands it over. */
function frameOf({ version, protocol, payloadBytes, tags = 0, checksum }: Frame) {
  const link = 14 + 4 * tags;
  const ipBytes = version === 4 ? 20 : 40;
  const transportBytes = protocol === 6 ? 32 : 8;
  const length = link + ipBytes + transportBytes + payloadBytes;
  const bytes = new Uint8Array(AT + length);
  const view = new DataView(bytes.buffer);
  bytes.set(randomBytes(new SeededRandom(5), payloadBytes), bytes.length - payloadBytes);
  for (let i = 0; i < tags; i++) view.setUint32(AT + 12 + 4 * i, 0x8100_0007);
  view.setUint16(AT + link - 2, version === 4 ? 0x0800 : 0x86dd);
  const ip = AT + link;
  const carried = transportBytes + payloadBytes;
  if (version === 4) {
    bytes.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], ip);
    view.setUint16(ip + 2, 20 + carried);
  } else {
    bytes.set([0x60, 0, 0, 0, 0, 0, protocol, 64, 0xfd], ip);
    view.setUint16(ip + 4, carried);
    bytes[ip + 23] = 1;
    bytes[ip + 24] = 0xfd;
    bytes[ip + 39] = 2;
  }
  const transport = ip + ipBytes;
  view.setUint32(transport, 0x1000_2000);
  if (protocol === 6) bytes[transport + 12] = 0x80;
  else view.setUint16(transport + 4, carried);
  const checksumAt = transport + (protocol === 6 ? 16 : 6);
  const packet = bytes.subarray(ip);
  const complete = transportChecksum(packet, ipBytes, protocol);
  view.setUint16(checksumAt, complete);
  if (checksum === "begun") {
    const sum = pseudoSum(packet, version, carried, protocol);
    view.setUint16(checksumAt, sum);
  }
  return { bytes, view, length, transport, checksumAt, complete, link };
}

function pseudoSum(packet: Uint8Array, version: 4 | 6, carried: number, protocol: number): number {
  const addresses = version === 4 ? packet.slice(12, 20) : packet.slice(8, 40);
  const header = Uint8Array.of(...addresses, 0, 0, 0, protocol, 0, 0, carried >> 8, carried & 255);
  return ~internetChecksum(header, 0, header.length) & 0xffff;
}

Deno.test("describeReceived() leaves frames with complete checksums as they are", () => {
  for (const version of [4, 6] as const) {
    for (const protocol of [6, 17] as const) {
      for (const payloadBytes of [0, 100, 30_000]) {
        const { bytes, length } = frameOf({ version, protocol, payloadBytes, checksum: "complete" });
        const before = bytes.slice();
        assert.equal(describeReceived(bytes, AT, length, 14, 1450, 0), "complete");
        assert.deepEqual(bytes, before);
      }
    }
  }
});

Deno.test("describeReceived() knows a checksum that was only begun, and the kernel's completing it is right", () => {
  for (const version of [4, 6] as const) {
    for (const protocol of [6, 17] as const) {
      for (const tags of [0, 1, 2]) {
        const frame = frameOf({ version, protocol, payloadBytes: 333, tags, checksum: "begun" });
        const { bytes, view, length, transport, checksumAt, complete } = frame;
        assert.equal(describeReceived(bytes, AT, length, 14, 1450, 0), "unfinished");
        assert.equal(view.getUint8(VIRTIO), 1);
        assert.equal(view.getUint8(VIRTIO + 1), 0);
        assert.equal(view.getUint16(VIRTIO + 4, true), 0);
        assert.equal(AT + view.getUint16(VIRTIO + 6, true), transport);
        assert.equal(transport + view.getUint16(VIRTIO + 8, true), checksumAt);
        assert.equal(internetChecksum(bytes, transport, bytes.length - transport), complete);
      }
    }
  }
});

Deno.test("describeReceived() knows superpackets, whose packets are as long as the MTU allows", () => {
  for (const version of [4, 6] as const) {
    for (const tags of [0, 1]) {
      const frame = frameOf({ version, protocol: 6, payloadBytes: 30_000, tags, checksum: "begun" });
      const { bytes, view, length, link } = frame;
      assert.equal(describeReceived(bytes, AT, length, 14, 1450, 0), "unfinished");
      assert.equal(view.getUint8(VIRTIO + 1), version === 4 ? 1 : 4);
      const headers = view.getUint16(VIRTIO + 2, true);
      assert.equal(headers, link + (version === 4 ? 20 : 40) + 32);
      assert.equal(headers - 14 + view.getUint16(VIRTIO + 4, true), 1450);
    }
    // Of UDP somebody must have told.
    const { bytes, view, length } = frameOf({
      version,
      protocol: 17,
      payloadBytes: 30_000,
      checksum: "begun",
    });
    assert.equal(describeReceived(bytes, AT, length, 14, 1450, 0), "complete");
    assert.equal(describeReceived(bytes, AT, length, 14, 1450, 1450), "complete", "longer than the MTU");
    assert.equal(describeReceived(bytes, AT, length, 14, 1450, 1000), "unfinished");
    assert.deepEqual([view.getUint8(VIRTIO + 1), view.getUint16(VIRTIO + 4, true)], [5, 1000]);
  }
});

Deno.test("describeReceived() takes an IP packet without a link's header", () => {
  const { bytes, view, length } = frameOf({ version: 4, protocol: 6, payloadBytes: 9, checksum: "begun" });
  assert.equal(describeReceived(bytes, AT + 14, length - 14, 0, 1450, 0), "unfinished");
  assert.equal(view.getUint16(VIRTIO + 14 + 6, true), 20);
});

Deno.test("describeReceived() and fillsWhole() take anything, and write before the frame alone", () => {
  const random = new SeededRandom(11);
  const fragment = frameOf({ version: 4, protocol: 6, payloadBytes: 100, checksum: "begun" });
  fragment.view.setUint16(AT + 14 + 6, 0x2000);
  assert.equal(describeReceived(fragment.bytes, AT, fragment.length, 14, 1450, 0), "complete");
  for (let i = 0; i < 20_000; i++) {
    const [flip = 0, cut = 0, bit = 0, kind = 0] = randomBytes(random, 4);
    const frame = frameOf({
      version: kind & 1 ? 4 : 6,
      protocol: kind & 2 ? 6 : 17,
      payloadBytes: cut,
      tags: kind & 4 ? 1 : 0,
      checksum: "begun",
    });
    const { bytes } = frame;
    bytes[AT + flip % 70] = (bytes[AT + flip % 70] ?? 0) ^ (1 << (bit & 7));
    const length = kind & 8 ? Math.min(frame.length, cut) : frame.length;
    const before = bytes.slice(AT);
    describeReceived(bytes, AT, length, 14, 600, 0);
    fillsWhole(bytes, AT, length, 14);
    assert.deepEqual(bytes.subarray(AT), before);
  }
});

Deno.test("fillsWhole() tells one superpacket from a batch", () => {
  const { bytes, length } = frameOf({ version: 4, protocol: 17, payloadBytes: 5000, checksum: "begun" });
  assert.equal(fillsWhole(bytes, AT, length, 14), true);
  assert.equal(fillsWhole(bytes, AT, length - 1, 14), false);
  const more = new Uint8Array(bytes.length + 100);
  more.set(bytes);
  assert.equal(fillsWhole(more, AT, length + 100, 14), false);
});
