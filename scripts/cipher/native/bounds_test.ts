/**
 * Shows that no number of Poly1305 gets too long for its register: the steps of both `poly1305.ts` over bounds, in place
 * of values.
 * @module
 */

import assert from "node:assert/strict";

/** The largest number of so many bits. */
function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** r after clamping (RFC 8439 §2.5). */
const R = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffffn;

Deno.test("AVX-512: no factor reaches 2^52, and no sum 2^64, however many blocks there are", () => {
  const [r0, r1, r2] = [ones(44), ones(44), R >> 88n];
  const [s1, s2] = [20n * r1, 20n * r2];
  const low = (product: bigint) => product < ones(52) ? product : ones(52),
    high = (product: bigint) => product >> 52n;
  const isFactor = (value: bigint) => assert.ok(value <= ones(52), value.toString(2).length.toString());
  const isWord = (value: bigint) => assert.ok(value <= ones(64), value.toString(2).length.toString());
  for (const factor of [r0, r1, r2, s1, s2]) isFactor(factor);
  // Limbs 1 and 2 are masked in each step; what the lowest one may grow to is found by repeating.
  let h0 = 0n, former = -1n;
  while (h0 !== former) {
    former = h0;
    // A block adds 44, 44 and 40 bits, and the bit above it.
    const [x0, x1, x2] = [h0 + ones(44), 2n * ones(44), ones(42) + ones(40) + (1n << 40n)];
    for (const factor of [x0, x1, x2]) isFactor(factor);
    const products = [[x0 * r0, x1 * s2, x2 * s1], [x0 * r1, x1 * r0, x2 * s2], [x0 * r2, x1 * r1, x2 * r0]];
    const [low0, low1, low2] = products.map((each) => sum(each.map(low))) as [bigint, bigint, bigint];
    const [high0, high1, high2] = products.map((each) => sum(each.map(high))) as [bigint, bigint, bigint];
    // High halves are factors of 2^8, 2^8 and 2^10, and only the low 52 bits of that product are added.
    for (const [half, bits] of [[high0, 8n], [high1, 8n], [high2, 10n]] as const) isFactor(half << bits);
    const d1 = low1 + (high0 << 8n) + (low0 >> 44n), d2 = low2 + (high1 << 8n) + (d1 >> 44n);
    const carry = (d2 >> 42n) + (high2 << 10n);
    for (const word of [low0, low1, low2, d1, d2]) isWord(word);
    for (const factor of [carry, 5n * carry]) isFactor(factor);
    h0 = ones(44) + 5n * carry;
  }
  assert.ok(h0 < 1n << 51n);
});

Deno.test("AVX2: no product or sum is longer than its words, however many blocks there are", () => {
  const [r0, r1] = [R & ones(64), R >> 64n], s1 = r1 + (r1 >> 2n);
  let [h0, h1, h2, former] = [0n, 0n, 0n, -1n];
  while (h2 !== former) {
    former = h2;
    // Whatever the lower words are, a block carries one into the third at most, beside its own bit.
    [h0, h1, h2] = [ones(64), ones(64), h2 + 2n];
    const d0 = h0 * r0 + h1 * s1, d1 = h0 * r1 + h1 * r0 + h2 * s1 + (d0 >> 64n), d2 = h2 * r0 + (d1 >> 64n);
    assert.ok(d0 <= ones(128) && d1 <= ones(128));
    assert.ok(h2 * s1 <= ones(64) && h2 * r0 <= ones(64) && d2 <= ones(64));
    // What is above 2^130 comes back, and may carry into the third word once more.
    assert.ok((d2 & ~3n) + (d2 >> 2n) <= ones(64));
    h2 = 3n + 1n;
  }
  assert.equal(h2, 4n);
});
