/**
 * Tests of the gathering of GSO batches.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Endpoint } from "../../net/mod.ts";
import { GsoBatch } from "./gso_batch.ts";

const places = ["192.0.2.1:1", "192.0.2.2:2"].map((text) => Endpoint.parse(text) ?? assert.fail(text));

Deno.test("GsoBatch sends every datagram once, in order, whole, and to its endpoint", () => {
  const superpackets = fc.array(
    fc.record({
      place: fc.nat(1),
      packets: fc.integer({ min: 1, max: 40 }),
      segmentBytes: fc.constantFrom(96, 112, 1452),
      lastBytes: fc.constantFrom(96, 112, 1452),
    }),
    { maxLength: 60 },
  );
  fc.assert(fc.property(superpackets, (all) => {
    const expected: string[] = [];
    const sent: string[] = [];
    // What lies where: the start of each datagram, and its name.
    const memory = new Map<number, { name: string; lengthBytes: number }>();
    const batch = new GsoBatch({
      at: 0,
      roomBytes: 200_000,
      send: (at, lengthBytes, segmentBytes, destination) => {
        for (let start = at; start < at + lengthBytes; start += segmentBytes) {
          const datagram = memory.get(start) ?? assert.fail(`nothing begins at ${start}`);
          assert.equal(datagram.lengthBytes, Math.min(segmentBytes, at + lengthBytes - start));
          sent.push(`${datagram.name} to ${destination}`);
        }
      },
    });
    for (const [i, { place, packets, segmentBytes, lastBytes }] of all.entries()) {
      const destination = places[place] ?? assert.fail();
      const last = Math.min(lastBytes, segmentBytes);
      batch.prepare(destination);
      if (batch.roomBytes < packets * segmentBytes) batch.flush();
      for (let packet = 0; packet < packets; packet++) {
        const isLast = packet + 1 === packets;
        // A single packet is a batch whose size is its own.
        const size = isLast && packets > 1 ? last : segmentBytes;
        memory.set(batch.end + packet * segmentBytes, { name: `${i}.${packet}`, lengthBytes: size });
        expected.push(`${i}.${packet} to ${destination}`);
      }
      const lengthBytes = (packets - 1) * segmentBytes + (packets > 1 ? last : segmentBytes);
      batch.append({ packets, segmentBytes, lengthBytes }, destination);
    }
    batch.flush();
    assert.deepEqual(sent, expected);
    assert.ok(batch.isEmpty);
  }));
});
