/**
 * What every ByteStream must do; the tests of each implementation call it.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type ByteStream, concatBytes, equalBytes } from "../../base/mod.ts";

/** Reads until `lengthBytes` have come or the stream has ended. @returns what came */
export async function readAll(
  stream: ByteStream,
  lengthBytes: number = Number.MAX_SAFE_INTEGER,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < lengthBytes;) {
    const part = new Uint8Array(Math.min(lengthBytes - length, 50_000));
    const read = await stream.read(part);
    if (read === undefined) break;
    assert.ok(read >= 1 && read <= part.length);
    parts.push(part.subarray(0, read));
    length += read;
  }
  return concatBytes(...parts);
}

/** @returns `lengthBytes` bytes, no two neighbouring blocks of which are alike */
export function pattern(lengthBytes: number): Uint8Array {
  const out = new Uint8Array(lengthBytes);
  for (let i = 0; i < lengthBytes; i++) out[i] = i * 7 + (i >> 8);
  return out;
}

/**
 * Registers the suite.
 * @param name the implementation under test
 * @param open connects two ends; the suite closes both
 */
export function testByteStream(name: string, open: () => Promise<readonly [ByteStream, ByteStream]>): void {
  const test = (what: string, body: (a: ByteStream, b: ByteStream) => Promise<void>): void =>
    Deno.test(`${name} ${what}`, async () => {
      const [a, b] = await open();
      try {
        await body(a, b);
      } finally {
        a.close();
        b.close();
      }
    });

  test("carries bytes both ways at the same time", async (a, b) => {
    const [there, back] = [pattern(300_000), pattern(200_001).reverse()];
    const [wroteA, wroteB, gotB, gotA] = await Promise.all([
      a.write(there),
      b.write(back),
      readAll(b, there.length),
      readAll(a, back.length),
    ]);
    assert.ok(wroteA && wroteB);
    assert.ok(equalBytes(gotB, there));
    assert.ok(equalBytes(gotA, back));
  });

  test("says who is at the other end", (a, b) => {
    assert.ok(a.remoteAddress.length > 0 && b.remoteAddress.length > 0);
    assert.notEqual(a.remoteAddress, b.remoteAddress);
    return Promise.resolve();
  });

  test("joins writes of any lengths, none too", async (a, b) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (parts) => {
        const sent = concatBytes(...parts);
        const reading = readAll(b, sent.length);
        for (const part of parts) assert.equal(await a.write(part), true);
        assert.deepEqual(await reading, sent);
      }),
      { numRuns: 40 },
    );
  });

  // More than the buffers of a system hold, which Linux lets grow to 6 MiB.
  const tooMuch = pattern(16 << 20);

  test("lets a writer wait while nobody reads", async (a, b) => {
    const sent = tooMuch;
    let isWritten = false;
    const writing = a.write(sent).then((isWhole) => isWritten = isWhole);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isWritten, false);
    assert.ok(equalBytes(await readAll(b, sent.length), sent));
    assert.equal(await writing, true);
  });

  test("gives what was written before the other end closed, then the end", async (a, b) => {
    assert.equal(await a.write(pattern(900)), true);
    a.close();
    assert.deepEqual(await readAll(b), pattern(900));
    assert.equal(await b.read(new Uint8Array(1)), undefined);
  });

  test("ends a read under way when the other end closes", async (a, b) => {
    const reading = b.read(new Uint8Array(10));
    a.close();
    assert.equal(await reading, undefined);
  });

  test("ends a read under way when it is closed, also twice", async (a) => {
    const reading = a.read(new Uint8Array(10));
    a.close();
    a.close();
    assert.equal(await reading, undefined);
    assert.equal(await a.read(new Uint8Array(10)), undefined);
  });

  test("breaks a write under way when either end closes", async (a, b) => {
    const fromA = a.write(tooMuch);
    const fromB = b.write(tooMuch);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    a.close();
    assert.equal(await fromA, false);
    assert.equal(await fromB, false);
    assert.equal(await a.write(pattern(1)), false);
  });

  test("says soon that the other end is gone when something is written", async (a, b) => {
    b.close();
    let isBroken = false;
    // A network needs a turn to say so.
    for (let turn = 0; turn < 1_000 && !isBroken; turn++) {
      isBroken = !await a.write(pattern(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(isBroken);
  });
}
