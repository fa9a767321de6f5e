import assert from "node:assert/strict";
import fc from "fast-check";
import { equalConstantTime, isAllZero } from "./constant_time.ts";

Deno.test("equalConstantTime() agrees with a plain comparison", () => {
  const bytes = fc.uint8Array({ maxLength: 6, max: 3 });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(equalConstantTime(a, b), a.toHex() === b.toHex());
      assert.equal(equalConstantTime(a, a.slice()), true);
    }),
    { numRuns: 500 },
  );
});

Deno.test("equalConstantTime() sees a difference in any bit, and in length", () => {
  const bytes = new Uint8Array(32).fill(0x5a);
  for (let bit = 0; bit < 256; bit++) {
    const other = bytes.slice();
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(equalConstantTime(bytes, other), false);
  }
  assert.equal(equalConstantTime(bytes, bytes.subarray(1)), false);
  assert.equal(equalConstantTime(new Uint8Array(2), new Uint8Array(3)), false);
});

Deno.test("isAllZero() sees any bit", () => {
  assert.equal(isAllZero(new Uint8Array(0)), true);
  assert.equal(isAllZero(new Uint8Array(32)), true);
  for (let bit = 0; bit < 256; bit++) {
    const bytes = new Uint8Array(32);
    bytes[bit >> 3] = 1 << (bit & 7);
    assert.equal(isAllZero(bytes), false);
  }
});
