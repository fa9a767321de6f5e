import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { systemCompressor } from "../../host/mod.ts";
import { pageCompressor } from "./page_compressor.ts";

Deno.test("pageCompressor gives back what it was given, and refuses what is broken or too much", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i >> 8);
  const small = await pageCompressor.deflate(bytes, bytes.length) ?? assert.fail();
  assert.ok(small.length < bytes.length / 20);
  assert.deepEqual(await pageCompressor.inflate(small, bytes.length), bytes);
  assert.deepEqual(new Uint8Array(await systemCompressor.inflate(small, bytes.length) ?? []), bytes);
  assert.equal(await pageCompressor.deflate(bytes, small.length - 1), undefined);
  assert.equal(await pageCompressor.inflate(small, bytes.length - 1), undefined);
  assert.equal(await pageCompressor.inflate(Uint8Array.of(7, 7, 7), 100), undefined);
});

Deno.test("pageCompressor stops soon when far more comes out than there is room for", async () => {
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(256 << 20)));
  const begin = performance.now();
  assert.equal(await pageCompressor.inflate(bomb, 1 << 20), undefined);
  const whole = performance.now();
  assert.equal((await pageCompressor.inflate(bomb, 256 << 20))?.length, 256 << 20);
  assert.ok(whole - begin < (performance.now() - whole) / 4);
});
