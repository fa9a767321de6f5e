import assert from "node:assert/strict";
import { systemCompressor } from "./mod.ts";

Deno.test("systemCompressor gives back what it was given, and refuses what is broken, cut or too much", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i >> 8);
  const small = await systemCompressor.deflate(bytes);
  assert.ok(small.length < bytes.length / 20, String(small.length));
  assert.deepEqual([...await systemCompressor.inflate(small, bytes.length) ?? []], [...bytes]);
  assert.equal(await systemCompressor.inflate(small, bytes.length - 1), undefined);
  assert.equal(await systemCompressor.inflate(small.subarray(0, small.length - 3), bytes.length), undefined);
  assert.equal(await systemCompressor.inflate(Uint8Array.of(7, 7, 7), 100), undefined);
});
