/**
 * Tests that the WebAssembly cipher does what the plain one does.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../base/mod.ts";
import { type BatchCipher, selectAead, WasmBatchCipher } from "../../crypto/mod.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";
import { readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES, type VirtioHeader } from "./superpacket.ts";
import { makeSuperpacket } from "./testing/superpackets.ts";

const PAGES = 8;
const AT = 0x1_0000 + 64;
const OUT = 0x4_0000;
const ROOM_BYTES = 0x3_0000;
const MTU_BYTES = 1420;
const KEY_BYTES = new Uint8Array(32).fill(7);

const shapes = fc.record({
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  version: fc.constantFrom(4 as const, 6 as const),
  payloadBytes: fc.integer({ min: 1, max: 60_000 }),
  gsoSize: fc.integer({ min: 536, max: 1340 }),
});

/** Puts a superpacket where the host's kernel would, and seals it. @returns the batch, or why there is none */
function seal(cipher: BatchCipher, packet: Uint8Array, header: VirtioHeader, counter: number) {
  const bytes = new Uint8Array(cipher.memory.buffer);
  const view = new DataView(cipher.memory.buffer, AT - VIRTIO_HEADER_BYTES);
  view.setUint8(0, header.flags);
  view.setUint8(1, header.gsoType);
  view.setUint16(4, header.gsoSize, true);
  view.setUint16(6, header.checksumStart, true);
  view.setUint16(8, header.checksumOffset, true);
  bytes.set(packet, AT);
  const sealed = cipher.sealSuperpacket({
    at: AT,
    lengthBytes: packet.length,
    out: OUT,
    roomBytes: ROOM_BYTES,
    key: cipher.aead.key(KEY_BYTES),
    counter,
    remoteIndex: 0xdead_beef,
    mtuBytes: MTU_BYTES,
  });
  if (typeof sealed === "string") return sealed;
  return { ...sealed, bytes: bytes.slice(OUT, OUT + sealed.lengthBytes) };
}

Deno.test("WasmBatchCipher.sealSuperpacket() writes the same bytes as PlainBatchCipher's", () => {
  const plain = new PlainBatchCipher(selectAead(), PAGES);
  const batch = new WasmBatchCipher(PAGES);
  fc.assert(
    fc.property(shapes, fc.nat(2 ** 40), (shape, counter) => {
      const { packet, header } = makeSuperpacket(shape);
      assert.deepEqual(seal(batch, packet, header, counter), seal(plain, packet, header, counter));
    }),
    { numRuns: 60 },
  );
});

Deno.test("WasmBatchCipher opens, and joins packets to superpackets that stand for the same packets", () => {
  const batch = new WasmBatchCipher(PAGES);
  const bytes = new Uint8Array(batch.memory.buffer);
  const key = batch.aead.key(KEY_BYTES);
  let joined = 0;
  fc.assert(
    fc.property(shapes, fc.nat(2 ** 40), (shape, counter) => {
      const { packet, header } = makeSuperpacket(shape);
      const packets = splitSuperpacket(packet.slice(), header) ?? assert.fail();
      const sealed = seal(batch, packet, header, counter);
      assert.ok(typeof sealed === "object");
      const table = batch.openTable;
      for (let i = 0; i < sealed.packets; i++) {
        table.at[i] = OUT + i * sealed.segmentBytes;
        table.lengthBytes[i] = Math.min(sealed.segmentBytes, sealed.lengthBytes - i * sealed.segmentBytes);
        table.counters[i] = counter + i;
      }
      batch.openBatch(key, sealed.packets);
      batch.beginFrames();
      for (const [i, expected] of packets.entries()) {
        const at = (table.at[i] ?? 0) + 16;
        assert.ok((table.plaintextBytes[i] ?? -1) >= expected.length);
        assert.deepEqual(bytes.slice(at, at + expected.length), expected);
        batch.addPacket(at, expected.length);
      }
      const found: Uint8Array[] = [];
      const frames = batch.endFrames();
      if (frames < packets.length) joined++;
      for (let i = 0; i < frames; i++) {
        const at = batch.frameAt(i);
        const frame = bytes.slice(at + VIRTIO_HEADER_BYTES, at + batch.frameBytes(i));
        found.push(...splitSuperpacket(frame, readVirtioHeader(bytes, at)) ?? assert.fail());
      }
      assert.equal(found.length, packets.length);
      for (const [i, expected] of packets.entries()) {
        assert.deepEqual(
          withoutIdentification(found[i] ?? new Uint8Array(0)),
          withoutIdentification(expected),
        );
      }
    }),
    { numRuns: 60 },
  );
  assert.ok(joined > 20, `only ${joined} of 60 were joined`);
});

Deno.test("WasmBatchCipher and PlainBatchCipher agree on nonsense", () => {
  const plain = new PlainBatchCipher(selectAead(), PAGES);
  const batch = new WasmBatchCipher(PAGES);
  const random = new SeededRandom(11);
  const headers = fc.record({
    flags: fc.constantFrom(0, 1),
    gsoType: fc.constantFrom(0, 1, 2, 4, 5, 9),
    gsoSize: fc.constantFrom(0, 1, 700, 65_535),
    checksumStart: fc.constantFrom(0, 20, 40, 70, 60_000),
    checksumOffset: fc.constantFrom(0, 6, 16, 60_000),
  });
  fc.assert(
    fc.property(headers, fc.integer({ min: 20, max: 3000 }), (header, length) => {
      const packet = new Uint8Array(length);
      random.fill(packet);
      packet[0] = ((packet[0] ?? 0) & 1) === 0 ? 0x45 : 0x60;
      const [one, other] = [seal(batch, packet, header, 1), seal(plain, packet, header, 1)];
      assert.equal(typeof one, typeof other, JSON.stringify({ header, length, one, other }).slice(0, 300));
    }),
    { numRuns: 300 },
  );
});

/** The identification of IPv4 is the cutter's to choose, and is in its header's checksum. */
function withoutIdentification(packet: Uint8Array): Uint8Array {
  if ((packet[0] ?? 0) >> 4 !== 4) return packet;
  const copy = packet.slice();
  copy.fill(0, 4, 6);
  copy.fill(0, 10, 12);
  return copy;
}
