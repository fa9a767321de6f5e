/**
 * Tests of cutting and joining in the cipher: it does to superpackets what the data plane's plain cipher does packet by
 * packet, and what was cut and joined again is what it was.
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
import { makeSuperpacket, type SuperpacketShape } from "../../dataplane/fast/testing/superpackets.ts";
import { internetChecksum } from "../../net/mod.ts";
import { nobleAead } from "../select_aead.ts";
import { loadedTiers, nativeBatchCipher } from "../testing/native_code.ts";
import { WasmBatchCipher } from "./wasm_batch_cipher.ts";
import { CIPHER_BYTES } from "../wasm_module.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);
const PAGES = 8;
const AT = CIPHER_BYTES + 10;
const OUT = CIPHER_BYTES + 0x1_1000;
const ROOM = 200_000;
const CANARY = 0xaa;

const shapes: readonly SuperpacketShape[] = (["tcp", "udp"] as const).flatMap((protocol) =>
  ([4, 6] as const).map((version) => ({ protocol, version, payloadBytes: 5000, gsoSize: 1368 }))
);
const sizes = fc.record({
  payloadBytes: fc.integer({ min: 1, max: 60_000 }),
  gsoSize: fc.integer({ min: 200, max: 1400 }),
  mtuBytes: fc.integer({ min: 1280, max: 1500 }),
  counter: fc.nat(2 ** 53 - 2 ** 17),
});

function putSuperpacket(bytes: Uint8Array, packet: Uint8Array, header: VirtioHeader): void {
  const view = new DataView(bytes.buffer);
  bytes[AT - 10] = header.flags;
  bytes[AT - 9] = header.gsoType;
  view.setUint16(AT - 8, 0, true);
  view.setUint16(AT - 6, header.gsoSize, true);
  view.setUint16(AT - 4, header.checksumStart, true);
  view.setUint16(AT - 2, header.checksumOffset, true);
  bytes.set(packet, AT);
}

/** Seals by both ciphers, and compares everything that they say and write. */
function assertSealsAlike(
  packet: Uint8Array,
  header: VirtioHeader,
  { mtuBytes, counter, roomBytes = ROOM }: {
    readonly mtuBytes: number;
    readonly counter: number;
    readonly roomBytes?: number;
  },
) {
  const mine = [
    new WasmBatchCipher(PAGES),
    ...[...loadedTiers.keys()].map((tier) => nativeBatchCipher(tier, PAGES)),
  ];
  const [expected, ...results] = [new PlainBatchCipher(nobleAead, PAGES), ...mine].map((cipher) => {
    const bytes = new Uint8Array(cipher.memory.buffer);
    bytes.fill(CANARY, OUT, OUT + ROOM + 100);
    putSuperpacket(bytes, packet, header);
    const sealed = cipher.sealSuperpacket({
      at: AT,
      lengthBytes: packet.length,
      out: OUT,
      roomBytes,
      key: cipher.aead.key(KEY),
      counter,
      remoteIndex: 0xfedc_ba98,
      mtuBytes,
    });
    return { sealed, bytes: bytes.slice(OUT, OUT + ROOM + 100) };
  });
  for (const result of results) assert.deepEqual(result, expected);
  return expected?.sealed;
}

for (const shape of shapes) {
  const name = `${shape.protocol} over IPv${shape.version}`;

  Deno.test(`sealSuperpacket() cuts and seals ${name} as the plain cipher does`, () => {
    fc.assert(
      fc.property(sizes, ({ payloadBytes, gsoSize, mtuBytes, counter }) => {
        const { packet, header } = makeSuperpacket({ ...shape, payloadBytes, gsoSize });
        const sealed = assertSealsAlike(packet, header, { mtuBytes, counter });
        assert.ok(typeof sealed === "object");
        assert.equal(sealed.packets, Math.ceil(payloadBytes / gsoSize));
      }),
      { numRuns: 25 },
    );
  });

  Deno.test(`sealSuperpacket() completes and pads single packets of ${name}, whatever their length`, () => {
    for (let payloadBytes = 1; payloadBytes < 1380; payloadBytes += 13) {
      const { packet, header } = makeSuperpacket({ ...shape, payloadBytes });
      assertSealsAlike(packet, { ...header, gsoType: GSO.NONE }, { mtuBytes: 1420, counter: payloadBytes });
    }
  });

  Deno.test(`addPacket() joins what was cut of ${name} into what it was`, () => {
    fc.assert(
      fc.property(sizes, ({ payloadBytes, gsoSize }) => {
        const cipher = new WasmBatchCipher(PAGES);
        const { packet, header } = makeSuperpacket({
          ...shape,
          payloadBytes,
          gsoSize: Math.max(gsoSize, shape.protocol === "udp" ? 1000 : 0),
        });
        clearSpecialFlags(packet, header, shape);
        const whole = splitSuperpacket(packet.slice(), header) ?? [];
        const frames = join(cipher, whole);
        // Each frame, cut again, gives the packets back.
        assert.deepEqual(frames.flatMap(cutFrame), whole);
        assert.equal(frames.length, 1);
      }),
      { numRuns: 25 },
    );
  });

  Deno.test(`addPacket() joins no ${name} that does not follow, is another flow's, or is damaged`, () => {
    const { packet, header } = makeSuperpacket({ ...shape, payloadBytes: 3000, gsoSize: 1000 });
    clearSpecialFlags(packet, header, shape);
    const [first, second] = splitSuperpacket(packet.slice(), header) ?? [];
    assert.ok(first && second);
    const cipher = new WasmBatchCipher(PAGES);
    assert.equal(join(cipher, [first, second]).length, 1);
    for (let at = 0; at < second.length; at++) {
      for (const bit of [0, 1, 3, 7]) {
        const changed = second.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const frames = join(cipher, [first, changed]);
        assert.equal(frames.length, 2, `byte ${at}, bit ${bit}`);
        assert.deepEqual(frames.map((frame) => frame.subarray(10)), [first, changed]);
        assert.ok(frames.every((frame) => frame.subarray(0, 10).every((byte) => byte === 0)));
      }
    }
  });

  Deno.test(`addPacket() joins no ${name} that cutting would not give back, though its checksums are right`, () => {
    const { packet, header } = makeSuperpacket({ ...shape, payloadBytes: 3000, gsoSize: 1000 });
    clearSpecialFlags(packet, header, shape);
    const [first, second] = splitSuperpacket(packet.slice(), header) ?? [];
    assert.ok(first && second);
    const cipher = new WasmBatchCipher(PAGES);
    const head = second.length - 1000;
    for (let bit = 0; bit < head * 8; bit++) {
      // Without its flag TCP's urgent pointer means nothing (RFC 9293 §3.1).
      const isUrgentPointer = shape.protocol === "tcp" && bit >> 4 === (header.checksumStart + 18) >> 1;
      if (isUrgentPointer) continue;
      const changed: Uint8Array = second.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      const [whole] = splitSuperpacket(changed, { ...header, gsoSize: 65_535 }) ?? [];
      if (whole === undefined) continue;
      const frames = join(cipher, [first, whole]);
      assert.deepEqual(frames.flatMap(cutFrame), [first, whole], `byte ${bit >> 3}, bit ${bit & 7}`);
    }
  });
}

Deno.test("addPacket() joins IPv4 that may not be fragmented whatever its identifications, as they mean nothing", () => {
  const { packet, header } = makeSuperpacket({
    protocol: "udp",
    version: 4,
    payloadBytes: 3000,
    gsoSize: 1000,
  });
  packet[6] = 0x40;
  const whole = splitSuperpacket(packet, header) ?? [];
  for (const each of whole) {
    each.set([0, 0], 4);
    each.set([0, 0], 10);
    new DataView(each.buffer).setUint16(10, internetChecksum(each, 0, 20));
  }
  assert.equal(join(new WasmBatchCipher(PAGES), whole).length, 1);
});

Deno.test("sealSuperpacket() says when there is no room, and leaves the superpacket as it was", () => {
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 3000,
    gsoSize: 1000,
  });
  for (const gsoType of [GSO.TCP4, GSO.NONE]) {
    const cipher = new WasmBatchCipher(PAGES);
    const bytes = new Uint8Array(cipher.memory.buffer);
    putSuperpacket(bytes, packet, { ...header, gsoType });
    const before = bytes.slice(AT - 10, OUT + ROOM);
    const job = {
      at: AT,
      lengthBytes: packet.length,
      out: OUT,
      roomBytes: 3000,
      key: cipher.aead.key(KEY),
      counter: 0,
      remoteIndex: 1,
      mtuBytes: 1420,
    };
    assert.equal(cipher.sealSuperpacket(job), "no-room");
    assert.deepEqual(bytes.slice(AT - 10, OUT + ROOM), before);
    assert.equal(typeof cipher.sealSuperpacket({ ...job, roomBytes: ROOM }), "object");
  }
});

Deno.test("sealSuperpacket() judges any header as the plain cipher does, and stays within its room", () => {
  const any = fc.record({
    flags: fc.nat(255),
    gsoType: fc.oneof(fc.constantFrom(0, 1, 4, 5, 0x81), fc.nat(255)),
    gsoSize: fc.oneof(fc.nat(300), fc.nat(65_535)),
    // The cipher keeps heads of up to 512 bytes, the plain one any.
    checksumStart: fc.oneof(fc.constantFrom(20, 24, 40, 60), fc.nat(400)),
    checksumOffset: fc.oneof(fc.constantFrom(6, 16), fc.nat(65_535)),
  });
  const packets = fc.uint8Array({ minLength: 1, maxLength: 700 }).chain((bytes) =>
    fc.constantFrom(0x45, 0x60, bytes[0] ?? 0).map((first) => {
      bytes[0] = first;
      return bytes;
    })
  );
  fc.assert(
    fc.property(packets, any, (packet, header) => {
      assertSealsAlike(packet, header, { mtuBytes: 1420, counter: 5, roomBytes: 20_000 });
    }),
    { numRuns: 300 },
  );
});

Deno.test("addPacket() gives flows that alternate, ends at PSH, and hands on any bytes as they are", () => {
  const cipher = new WasmBatchCipher(PAGES);
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 4000,
    gsoSize: 1000,
  });
  const [a, b, c, d] = splitSuperpacket(packet.slice(), header) ?? [];
  assert.ok(a && b && c && d);
  // The first has CWR, the last FIN and PSH: only the two between are joined.
  assert.deepEqual(join(cipher, [a, b, c, d]).map((frame) => frame.length), [1062, 2062, 1062]);
  const other = makeSuperpacket({ protocol: "udp", version: 6, payloadBytes: 500, gsoSize: 1000 });
  const [udp] = splitSuperpacket(other.packet, other.header) ?? [];
  assert.ok(udp);
  assert.equal(join(cipher, [b, udp, c]).length, 3);
  assert.equal(join(new WasmBatchCipher(PAGES, { joinsUdp: false }), [udp, udp]).length, 2);
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 }), (any) => {
    assert.deepEqual(join(cipher, any).map((frame) => frame.subarray(10)), any);
  }));
});

/** Only plain data is joined, so the end of a stream and congestion go; PSH stays with the last. */
function clearSpecialFlags(packet: Uint8Array, header: VirtioHeader, shape: SuperpacketShape): void {
  if (shape.protocol === "tcp") packet[header.checksumStart + 13] = 0x18;
}

/** Puts packets into the memory as a batch has them, and returns the frames with their virtio headers. */
function join(cipher: WasmBatchCipher, packets: readonly Uint8Array[]): Uint8Array[] {
  const bytes = new Uint8Array(cipher.memory.buffer);
  let at = CIPHER_BYTES + 64;
  cipher.beginFrames();
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length + 32;
  }
  bytes.fill(CANARY, at, at + 64);
  const end = at;
  at = CIPHER_BYTES + 64;
  for (const packet of packets) {
    cipher.addPacket(at, packet.length);
    at += packet.length + 32;
  }
  assert.ok(bytes.subarray(end, end + 64).every((byte) => byte === CANARY));
  return Array.from({ length: cipher.endFrames() }, (_, i) => {
    return bytes.slice(cipher.frameAt(i), cipher.frameAt(i) + cipher.frameBytes(i));
  });
}

function cutFrame(frame: Uint8Array): Uint8Array[] {
  return splitSuperpacket(frame.slice(10), readVirtioHeader(frame, 0)) ?? assert.fail("not to be cut");
}
