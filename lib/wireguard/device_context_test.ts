/**
 * Tests of the indices of handshakes and sessions, and of the padding of inner packets.
 * @module
 */

import assert from "node:assert/strict";
import { type RandomSource, SeededRandom } from "../base/mod.ts";
import { IndexTable, Padder } from "./device_context.ts";

Deno.test("IndexTable hands out unique indices and frees them", () => {
  const table = new IndexTable<number>(new SeededRandom(1));
  const indices = Array.from({ length: 1000 }, (_, i) => table.allocate(i));
  assert.equal(new Set(indices).size, 1000);
  assert.equal(table.size, 1000);
  indices.forEach((index, i) => assert.equal(table.get(index), i));
  for (const index of indices) table.release(index);
  for (const index of indices) table.release(index);
  assert.equal(table.size, 0);
  assert.equal(table.get(indices[0] ?? 0), undefined);
});

Deno.test("IndexTable.allocate() draws again when an index is taken", () => {
  const draws = [7, 7, 7, 9];
  const random: RandomSource = {
    fill(out) {
      out.fill(0);
      out[0] = draws.shift() ?? 0;
    },
  };
  const table = new IndexTable<string>(random);
  assert.equal(table.allocate("first"), 7);
  assert.equal(table.allocate("second"), 9);
  assert.equal(table.get(7), "first");
});

Deno.test("IndexTable.replace() changes what an index stands for", () => {
  const table = new IndexTable<string>(new SeededRandom(2));
  const index = table.allocate("handshake");
  table.replace(index, "session");
  assert.equal(table.get(index), "session");
  assert.equal(table.size, 1);
});

for (const mtuBytes of [576, 1280, 1420, 1500, 65_000]) {
  Deno.test(`Padder.pad() pads to 16 bytes and never beyond an MTU of ${mtuBytes}`, () => {
    const padder = new Padder(mtuBytes);
    const lengths = Array.from({ length: Math.min(mtuBytes, 1500) + 1 }, (_, i) => i);
    // Long ones first, so that a short packet finds their bytes in the memory.
    for (const length of [mtuBytes, mtuBytes - 1, ...lengths.reverse(), ...lengths]) {
      const packet = new Uint8Array(length).fill(0xab);
      const padded = padder.pad(packet, Infinity);
      assert.equal(padded.length, Math.min(Math.ceil(length / 16) * 16, mtuBytes));
      assert.ok(padded.subarray(0, length).every((byte) => byte === 0xab));
      assert.ok(padded.subarray(length).every((byte) => byte === 0));
    }
  });
}

Deno.test("Padder.pad() does not copy what is already padded", () => {
  const packet = new Uint8Array(64);
  assert.equal(new Padder(1420).pad(packet, Infinity), packet);
});
