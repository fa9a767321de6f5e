/**
 * Tests of the plain way to cut superpackets.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { internetChecksum, ipPacketLength } from "../../net/mod.ts";
import { GSO, NEEDS_CHECKSUM, splitSuperpacket } from "./superpacket.ts";
import { makeSuperpacket, type SuperpacketShape } from "./testing/superpackets.ts";

const shapes: readonly SuperpacketShape[] = (["tcp", "udp"] as const).flatMap((protocol) =>
  ([4, 6] as const).map((version) => ({ protocol, version, payloadBytes: 5000, gsoSize: 1368 }))
);

for (const shape of shapes) {
  Deno.test(`splitSuperpacket() cuts ${shape.protocol} over IPv${shape.version} into whole packets`, () => {
    const sizes = fc.record({
      payloadBytes: fc.integer({ min: 1, max: 60_000 }),
      gsoSize: fc.integer({ min: 200, max: 1400 }),
    });
    fc.assert(
      fc.property(sizes, ({ payloadBytes, gsoSize }) => {
        const { packet, header, payload } = makeSuperpacket({ ...shape, payloadBytes, gsoSize });
        const packets: Uint8Array[] = splitSuperpacket(packet.slice(), header) ?? [];
        assert.equal(packets.length, Math.ceil(payloadBytes / gsoSize));
        const joined: number[] = [];
        for (const [i, cut] of packets.entries()) {
          assert.equal(ipPacketLength(cut), cut.length);
          assertChecksums(cut, shape);
          const headerBytes = cut.length - Math.min(gsoSize, payloadBytes - i * gsoSize);
          joined.push(...cut.subarray(headerBytes));
          if (shape.protocol === "tcp") {
            const view = new DataView(cut.buffer, cut.byteOffset);
            const at = header.checksumStart;
            assert.equal(view.getUint32(at + 4), (0xffff_ff00 + i * gsoSize) >>> 0, "sequence numbers wrap");
            const isLast = i + 1 === packets.length;
            assert.equal((cut[at + 13] ?? 0) & 0x09, isLast ? 0x09 : 0, "FIN and PSH are the last one's");
            assert.equal((cut[at + 13] ?? 0) & 0x80, i === 0 ? 0x80 : 0, "CWR is the first one's");
          }
        }
        assert.deepEqual(joined, [...payload]);
      }),
      { numRuns: 30 },
    );
  });
}

Deno.test("splitSuperpacket() completes the checksum of a single packet", () => {
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 100,
    gsoSize: 1000,
  });
  const [single] =
    splitSuperpacket(packet.slice(), { ...header, gsoType: GSO.NONE, flags: NEEDS_CHECKSUM }) ??
      [];
  assert.ok(single);
  assertChecksums(single, { protocol: "tcp", version: 4 });
});

Deno.test("splitSuperpacket() rejects headers that contradict the packet, and never throws", () => {
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 3000,
    gsoSize: 1000,
  });
  for (
    const wrong of [
      { gsoSize: 0 },
      { checksumStart: 8 },
      { checksumStart: 65_000 },
      { gsoType: 3 },
      { gsoType: GSO.NONE, checksumOffset: 60_000 },
    ]
  ) assert.equal(splitSuperpacket(packet.slice(), { ...header, ...wrong }), undefined);
  const any = fc.record({
    flags: fc.nat(255),
    gsoType: fc.nat(127),
    gsoSize: fc.nat(65_535),
    checksumStart: fc.nat(65_535),
    checksumOffset: fc.nat(65_535),
  });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), any, (bytes, random) => {
    splitSuperpacket(bytes, random);
  }));
});

function assertChecksums(packet: Uint8Array, shape: Pick<SuperpacketShape, "protocol" | "version">): void {
  const isTcp = shape.protocol === "tcp";
  const start = shape.version === 4 ? 20 : 40;
  if (shape.version === 4) assert.equal(internetChecksum(packet, 0, 20), 0, "IPv4 header");
  const length = packet.length - start;
  const addresses = packet.subarray(shape.version === 4 ? 12 : 8, start);
  let pseudo = (isTcp ? 6 : 17) + length;
  for (let i = 0; i < addresses.length; i += 2) {
    pseudo += ((addresses[i] ?? 0) << 8) | (addresses[i + 1] ?? 0);
  }
  assert.equal(internetChecksum(packet, start, length, pseudo), 0, shape.protocol);
}
