/**
 * Tests of the padding of inner packets.
 * @module
 */

import assert from "node:assert/strict";
import { Padder } from "./padding.ts";

for (const mtuBytes of [576, 1280, 1420, 1500, 65_000]) {
  Deno.test(`Padder.pad() pads to 16 bytes and never beyond an MTU of ${mtuBytes}`, () => {
    const padder = new Padder(mtuBytes);
    const lengths = Array.from({ length: Math.min(mtuBytes, 1500) + 1 }, (_, i) => i);
    // Long ones first, so that a short packet finds their bytes in the memory.
    for (const length of [mtuBytes, mtuBytes - 1, ...lengths.reverse(), ...lengths]) {
      const packet = new Uint8Array(length).fill(0xab);
      const padded = padder.pad(packet);
      assert.equal(padded.length, Math.min(Math.ceil(length / 16) * 16, mtuBytes));
      assert.ok(padded.subarray(0, length).every((byte) => byte === 0xab));
      assert.ok(padded.subarray(length).every((byte) => byte === 0));
    }
  });
}

Deno.test("Padder.pad() does not copy what is already padded", () => {
  const packet = new Uint8Array(64);
  assert.equal(new Padder(1420).pad(packet), packet);
});
