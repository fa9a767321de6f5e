/**
 * Tests of cutting and joining what stands inside of other packets, as frames of overlay networks do: the cipher does what
 * the plain one does, and what that does is right.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { PlainBatchCipher } from "../../dataplane/fast/plain_batch_cipher.ts";
import {
  GSO,
  readVirtioHeader,
  splitSuperpacket,
  type VirtioHeader,
} from "../../dataplane/fast/superpacket.ts";
import { makeSuperpacket } from "../../dataplane/fast/testing/superpackets.ts";
import { internetChecksum } from "../../net/mod.ts";
import type { BatchCipher } from "./batch_cipher.ts";
import { nobleAead } from "../select_aead.ts";
import { loadedTiers, nativeBatchCipher } from "../testing/native_code.ts";
import { CIPHER_BYTES } from "../wasm_module.ts";
import { WasmBatchCipher } from "./wasm_batch_cipher.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);
const PAGES = 8;
const AT = CIPHER_BYTES + 64;
const OUT = CIPHER_BYTES + 0x1_4000;
const ROOM = 200_000;
const MTU = 1420;

const outers: Readonly<Record<string, Uint8Array>> = {
  "IPv4 and UDP": Uint8Array.of(
    ...[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 200, 0, 1, 10, 200, 0, 2],
    ...[0xc3, 0x50, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 3, 0xe9, 0],
  ),
  "IPv6 and UDP": Uint8Array.of(
    ...[0x60, 0, 0, 0, 0, 0, 17, 64, ...new Uint8Array(31), 1],
    ...[0xc3, 0x50, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 3, 0xe9, 0],
  ),
  "IPv4 and GRE": Uint8Array.of(
    ...[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 47, 0, 0, 10, 200, 0, 1, 10, 200, 0, 2],
    ...[0x20, 0, 0x65, 0x58, 0, 0, 0, 7],
  ),
};
const links = { untagged: ethernet([]), tagged: ethernet([0x81, 0, 0, 5]) };
const shapes = fc.record({
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  version: fc.constantFrom(4 as const, 6 as const),
  payloadBytes: fc.integer({ min: 1, max: 60_000 }),
  gsoSize: fc.integer({ min: 200, max: 1300 }),
});

function ethernet(tag: readonly number[]): Uint8Array {
  return Uint8Array.of(0xa2, 0, 0, 0, 0, 1, 0x42, 0, 0, 0, 0, 2, ...tag, 8, 0);
}

/** Puts a prefix and a superpacket behind it, with a virtio header that counts from the prefix. */
function put(cipher: BatchCipher, prefix: Uint8Array, packet: Uint8Array, header: VirtioHeader) {
  const view = new DataView(cipher.memory.buffer);
  view.setUint8(AT - 10, header.flags);
  view.setUint8(AT - 9, header.gsoType);
  view.setUint16(AT - 8, 0, true);
  view.setUint16(AT - 6, header.gsoSize, true);
  view.setUint16(AT - 4, header.checksumStart + prefix.length, true);
  view.setUint16(AT - 2, header.checksumOffset, true);
  new Uint8Array(cipher.memory.buffer).set([...prefix, ...packet], AT);
  return { at: AT, lengthBytes: prefix.length + packet.length, out: OUT, innerBytes: prefix.length };
}

/** What `act` says and writes, by the plain cipher and then by all others. */
function byAll<T>(act: (cipher: BatchCipher) => T): { readonly said: T; readonly bytes: Uint8Array }[] {
  const ciphers = [
    new PlainBatchCipher(nobleAead, PAGES),
    new WasmBatchCipher(PAGES),
    ...[...loadedTiers.keys()].map((tier) => nativeBatchCipher(tier, PAGES)),
  ];
  return ciphers.map((cipher) => {
    const said = act(cipher);
    return { said, bytes: new Uint8Array(cipher.memory.buffer).slice(OUT, OUT + ROOM) };
  });
}

for (const [outerName, outer] of Object.entries(outers)) {
  for (const [linkName, link] of Object.entries(links)) {
    Deno.test(`sealSuperpacket() cuts ${linkName} frames in ${outerName} as the plain cipher does`, () => {
      const prefix = Uint8Array.of(...outer, ...link);
      fc.assert(
        fc.property(shapes, fc.boolean(), (shape, isWhole) => {
          const { packet, header } = makeSuperpacket(
            isWhole ? { ...shape, payloadBytes: Math.min(shape.payloadBytes, 1300) } : shape,
          );
          const gsoType = isWhole ? GSO.NONE : header.gsoType;
          const [plain, ...others] = byAll((cipher) =>
            cipher.sealSuperpacket({
              ...put(cipher, prefix, packet, { ...header, gsoType }),
              roomBytes: ROOM,
              key: cipher.aead.key(KEY),
              counter: 9,
              remoteIndex: 7,
              mtuBytes: MTU,
            })
          );
          assert.ok(plain !== undefined && typeof plain.said === "object");
          for (const other of others) assert.deepEqual(other, plain);
        }),
        { numRuns: 15 },
      );
    });
  }

  Deno.test(`sealSuperpacket() fills in lengths and checksum of ${outerName}`, () => {
    const prefix = Uint8Array.of(...outer, ...links.untagged);
    const shape = { protocol: "tcp", version: 4, payloadBytes: 3000, gsoSize: 1200 } as const;
    const { packet, header } = makeSuperpacket(shape);
    const cipher = new PlainBatchCipher(nobleAead, PAGES);
    const key = cipher.aead.key(KEY);
    const job = { ...put(cipher, prefix, packet, header), roomBytes: ROOM, key, counter: 0 };
    const sealed = cipher.sealSuperpacket({ ...job, remoteIndex: 1, mtuBytes: MTU });
    assert.ok(typeof sealed === "object");
    assert.equal(sealed.packets, 3);
    const table = cipher.openTable;
    for (let i = 0; i < 3; i++) {
      table.at[i] = OUT + i * sealed.segmentBytes;
      table.lengthBytes[i] = Math.min(sealed.segmentBytes, sealed.lengthBytes - i * sealed.segmentBytes);
      table.counters[i] = i;
    }
    cipher.openBatch(key, 3);
    for (let i = 0; i < 3; i++) {
      const inner = 52 + (i < 2 ? 1200 : 600);
      const at = (table.at[i] ?? 0) + 16;
      const opened = new Uint8Array(cipher.memory.buffer).slice(at, at + prefix.length + inner);
      const view = new DataView(opened.buffer);
      const isIpv4 = opened[0] === 0x45;
      assert.equal(isIpv4 ? view.getUint16(2) : view.getUint16(4) + 40, opened.length);
      if (isIpv4) assert.equal(internetChecksum(opened, 0, 20), 0);
      if (outerName.endsWith("UDP")) {
        const start = isIpv4 ? 20 : 40;
        assert.deepEqual([view.getUint16(start + 4), view.getUint16(start + 6)], [opened.length - start, 0]);
      }
      assert.equal(view.getUint16(prefix.length + 2), inner);
    }
  });
}

Deno.test("sealSuperpacket() takes the shortest header that carries IP packets, GRE without a key, and none that is cut", () => {
  const ip = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 47, 0, 0, 10, 200, 0, 1, 10, 200, 0, 2];
  const shape = { protocol: "tcp", version: 4, payloadBytes: 3000, gsoSize: 1200 } as const;
  for (const gsoType of [GSO.NONE, GSO.TCP4]) {
    for (const [gre, isTaken] of [[[0, 0, 8, 0], true], [[0, 0, 8], false]] as const) {
      const { packet, header } = makeSuperpacket(shape);
      const [plain, ...others] = byAll((cipher) =>
        cipher.sealSuperpacket({
          ...put(cipher, Uint8Array.of(...ip, ...gre), packet, { ...header, gsoType }),
          roomBytes: ROOM,
          key: cipher.aead.key(KEY),
          counter: 9,
          remoteIndex: 7,
          mtuBytes: MTU,
        })
      );
      assert.equal(typeof plain?.said, isTaken ? "object" : "string");
      for (const other of others) assert.deepEqual(other, plain);
    }
  }
});

Deno.test("cutSuperpacket() cuts as the plain cipher does, and repeats what stands before", () => {
  const prefix = Uint8Array.of(8, 0, 0, 0, 0, 3, 0xe9, 0, ...links.untagged);
  fc.assert(
    fc.property(shapes, fc.boolean(), (shape, isWhole) => {
      const { packet, header } = makeSuperpacket(shape);
      const gsoType = isWhole ? GSO.NONE : header.gsoType;
      const cut = { ...header, gsoType };
      const [plain, ...others] = byAll((cipher) =>
        cipher.cutSuperpacket({ ...put(cipher, prefix, packet, cut), roomBytes: ROOM })
      );
      assert.ok(plain !== undefined && typeof plain.said === "object");
      for (const other of others) assert.deepEqual(other, plain);
      const expected = splitSuperpacket(packet, cut) ?? assert.fail();
      const whole = Uint8Array.from(expected.flatMap((each) => [...prefix, ...each]));
      assert.deepEqual(plain.bytes.subarray(0, plain.said.lengthBytes), whole);
    }),
    { numRuns: 30 },
  );
});

Deno.test("sealSuperpacket() and cutSuperpacket() judge any outer and virtio header as the plain cipher does", () => {
  const any = fc.record({
    flags: fc.nat(1),
    gsoType: fc.constantFrom(0, 1, 4, 5, 9),
    gsoSize: fc.oneof(fc.nat(300), fc.nat(65_535)),
    checksumStart: fc.oneof(fc.constantFrom(0, 20, 40), fc.nat(400)),
    checksumOffset: fc.oneof(fc.constantFrom(6, 16), fc.nat(2000)),
  });
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 700 });
  const first = fc.constantFrom(0x45, 0x46, 0x60, 0);
  fc.assert(
    fc.property(bytes, first, first, any, fc.nat(100), (bytes, outer, ip, header, inner) => {
      const innerBytes = Math.min(inner, bytes.length);
      bytes[0] = outer;
      if (innerBytes < bytes.length) bytes[innerBytes] = ip;
      const results = [
        byAll((cipher) =>
          cipher.sealSuperpacket({
            ...put(cipher, bytes.subarray(0, innerBytes), bytes.subarray(innerBytes), header),
            roomBytes: 20_000,
            key: cipher.aead.key(KEY),
            counter: 1,
            remoteIndex: 2,
            mtuBytes: MTU,
          })
        ),
        byAll((cipher) =>
          cipher.cutSuperpacket({
            ...put(cipher, bytes.subarray(0, innerBytes), bytes.subarray(innerBytes), header),
            roomBytes: 20_000,
          })
        ),
      ];
      for (const [plain, ...others] of results) {
        for (const other of others) assert.deepEqual(other, plain);
      }
    }),
    { numRuns: 400 },
  );
});

Deno.test("cutSuperpacket() says when there is no room, and refuses what leaves the memory", () => {
  const { packet, header } = makeSuperpacket({
    protocol: "udp",
    version: 4,
    payloadBytes: 3000,
    gsoSize: 1000,
  });
  for (
    const { said } of byAll((each) =>
      each.cutSuperpacket({ ...put(each, links.untagged, packet, header), roomBytes: 3000 })
    )
  ) {
    assert.equal(said, "no-room");
  }
  const cipher = new WasmBatchCipher(PAGES);
  const job = { ...put(cipher, links.untagged, packet, header), roomBytes: ROOM };
  for (
    const wrong of [{ at: 0 }, { out: 0 }, { roomBytes: 2 ** 21 }, { innerBytes: 5000 }, { innerBytes: -1 }]
  ) {
    assert.throws(() => cipher.cutSuperpacket({ ...job, ...wrong }), RangeError);
  }
});

/** Frames of one stream, each with its link header and tag, as `addPacket` joins them. */
function join(
  packets: readonly { readonly link: Uint8Array; readonly tag: number; readonly packet: Uint8Array }[],
) {
  const cipher = new WasmBatchCipher(PAGES);
  const bytes = new Uint8Array(cipher.memory.buffer);
  cipher.beginFrames();
  let at = AT;
  for (const { link, packet, tag } of packets) {
    bytes.set([...link, ...packet], at);
    cipher.addPacket(at, link.length + packet.length, link.length, tag);
    at += link.length + packet.length + 82;
  }
  return Array.from({ length: cipher.endFrames() }, (_, i) => {
    const frame = bytes.slice(cipher.frameAt(i), cipher.frameAt(i) + cipher.frameBytes(i));
    return { tag: cipher.frameTag(i), frame };
  });
}

for (const protocol of ["tcp", "udp"] as const) {
  for (const version of [4, 6] as const) {
    Deno.test(`addPacket() joins frames of ${protocol} over IPv${version} into what they were`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(65_535), (payloadBytes, tag) => {
          const { packet, header } = makeSuperpacket({ protocol, version, payloadBytes, gsoSize: 1318 });
          if (protocol === "tcp") packet[header.checksumStart + 13] = 0x18;
          const packets = splitSuperpacket(packet, header) ?? assert.fail();
          const link = links.untagged;
          const joined = join(packets.map((each) => ({ link, tag, packet: each })));
          const found = joined.flatMap(({ frame }) =>
            splitSuperpacket(frame.slice(10), readVirtioHeader(frame, 0), 14) ?? assert.fail()
          );
          assert.deepEqual(found, packets.map((each) => Uint8Array.of(...link, ...each)));
          assert.deepEqual(joined.map((each) => each.tag), [tag]);
        }),
        { numRuns: 15 },
      );
    });
  }
}

Deno.test("addPacket() joins no frames of different tags, nor with different headers of their link", () => {
  const shape = { protocol: "tcp", version: 4, payloadBytes: 2000, gsoSize: 1000 } as const;
  const { packet, header } = makeSuperpacket(shape);
  packet[header.checksumStart + 13] = 0x18;
  const [first, second] = splitSuperpacket(packet, header) ?? [];
  assert.ok(first && second);
  const link = links.untagged;
  const one = { link, tag: 1, packet: first };
  assert.equal(join([one, { link, tag: 1, packet: second }]).length, 1);
  assert.deepEqual(join([one, { link, tag: 2, packet: second }]).map(({ tag }) => tag), [1, 2]);
  for (let at = 0; at < link.length; at++) {
    const other = link.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    assert.equal(join([one, { link: other, tag: 1, packet: second }]).length, 2, `byte ${at}`);
  }
  assert.equal(join([one, { link: links.tagged, tag: 1, packet: second }]).length, 2);
  assert.equal(join([one, { link: new Uint8Array(0), tag: 1, packet: second }]).length, 2);
  const allHeader = Uint8Array.of(...link, ...second);
  assert.equal(join([one, { link: allHeader, tag: 1, packet: new Uint8Array(0) }]).length, 2);
});
