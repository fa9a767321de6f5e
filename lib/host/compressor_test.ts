import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { systemCompressor } from "./compressor.ts";

const MIB = 1 << 20;

Deno.test("systemCompressor gives back what it was given, and refuses what is broken, cut or too much", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i >> 8);
  const small = await systemCompressor.deflate(bytes, bytes.length);
  assert.ok(small !== undefined && small.length < bytes.length / 20);
  assert.deepEqual([...await systemCompressor.inflate(small, bytes.length) ?? []], [...bytes]);
  assert.equal(await systemCompressor.deflate(bytes, small.length - 1), undefined);
  assert.equal(await systemCompressor.inflate(small, bytes.length - 1), undefined);
  assert.equal(await systemCompressor.inflate(small.subarray(0, small.length - 3), bytes.length), undefined);
  assert.equal(await systemCompressor.inflate(Uint8Array.of(7, 7, 7), 100), undefined);
  assert.equal(await systemCompressor.inflate(new Uint8Array(0), 100), undefined);
});

Deno.test("systemCompressor inflates what zlib deflates, at any bound", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.nat(4_000), async (bytes, bound) => {
      const out = await systemCompressor.inflate(new Uint8Array(deflateRawSync(bytes)), bound);
      assert.deepEqual(out && [...out], bytes.length <= bound ? [...bytes] : undefined);
    }),
    { numRuns: 50 },
  );
});

Deno.test("systemCompressor takes its room once, also for what inflates beyond its bound", async () => {
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(64 * MIB)));
  const { allocUnsafe } = Buffer;
  const taken: number[] = [];
  Buffer.allocUnsafe = (bytes) => {
    taken.push(bytes);
    return allocUnsafe(bytes);
  };
  try {
    assert.equal(await systemCompressor.inflate(bomb, MIB), undefined);
  } finally {
    Buffer.allocUnsafe = allocUnsafe;
  }
  assert.deepEqual(taken, [MIB + 1]);
});

Deno.test("systemCompressor says that there is no memory, instead of ending the process", async () => {
  const bytes = new Uint8Array(deflateRawSync(new Uint8Array(9)));
  const { allocUnsafe } = Buffer;
  Buffer.allocUnsafe = () => {
    throw new RangeError("Array buffer allocation failed");
  };
  try {
    assert.equal(
      await systemCompressor.inflate(bytes, 9),
      undefined,
    );
    assert.equal(await systemCompressor.deflate(new Uint8Array(9), 100), undefined);
  } finally {
    Buffer.allocUnsafe = allocUnsafe;
  }
});

Deno.test("systemCompressor lets others have their turn while it inflates 16 MiB", async () => {
  const bytes = new Uint8Array(deflateRawSync(new Uint8Array(16 * MIB)));
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const out = await systemCompressor.inflate(bytes, 16 * MIB);
  clearInterval(timer);
  assert.equal(out?.length, 16 * MIB);
  assert.ok(turns >= 1, `${turns} turns of others`);
});
