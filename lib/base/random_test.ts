import assert from "node:assert/strict";
import { randomBytes, randomFraction, type RandomSource, randomUint32, SeededRandom } from "./random.ts";

const filledWith = (value: number): RandomSource => ({ fill: (out) => void out.fill(value) });

Deno.test("SeededRandom repeats itself for a seed and differs between seeds", () => {
  const streams = [0, 1, -1, 2 ** 31, 7].map((seed) => randomBytes(new SeededRandom(seed), 64).toHex());
  assert.equal(new Set(streams).size, streams.length);
  assert.equal(randomBytes(new SeededRandom(0), 64).toHex(), streams[0]);
  assert.equal(randomBytes(new SeededRandom(2 ** 32), 64).toHex(), streams[0]);
});

Deno.test("SeededRandom gives every byte value about equally often", () => {
  for (const seed of [0, 1, 12345]) {
    const counts = new Array<number>(256).fill(0);
    for (const byte of randomBytes(new SeededRandom(seed), 256 * 1000)) {
      counts[byte] = (counts[byte] ?? 0) + 1;
    }
    // Six standard deviations of a binomial count.
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 190, `${count} with seed ${seed}`);
  }
});

Deno.test("randomUint32() and randomFraction() use the whole range", () => {
  assert.equal(randomUint32(filledWith(0)), 0);
  assert.equal(randomUint32(filledWith(0xff)), 0xffffffff);
  assert.equal(randomFraction(filledWith(0)), 0);
  assert.equal(randomFraction(filledWith(0x80)), 0x80808080 / 2 ** 32);
  assert.ok(randomFraction(filledWith(0xff)) < 1);
});

Deno.test("randomBytes() draws as many bytes as asked", () => {
  assert.deepEqual(randomBytes(filledWith(7), 3), Uint8Array.of(7, 7, 7));
  assert.equal(randomBytes(filledWith(7), 0).length, 0);
});
