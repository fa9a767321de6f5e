// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
import assert from "node:assert/strict";
import fc from "fast-check";
import { nobleAead, TAG_BYTES } from "../mod.ts";
import { missingTiers, multiBufferCipher } from "../testing/native_code.ts";

const ignore = missingTiers.has("avx2");
if (ignore) console.log(`skipped: MultiBufferCipher: ${missingTiers.get("avx2")}`);

const NO_DATA = new Uint8Array(0);

function keyOf(fill = 7) {
  return nobleAead.key(new Uint8Array(32).fill(fill));
}

/** One piece after the other by noble. */
function sealSlowly(text: Uint8Array, pieceBytes: number, gapBytes: number, counter: number): Uint8Array {
  const count = Math.ceil(text.length / pieceBytes);
  const out = new Uint8Array(text.length + count * (gapBytes + TAG_BYTES)).fill(0xee);
  let at = 0;
  for (let i = 0; i < count; i++) {
    at += gapBytes;
    at += keyOf().seal(counter + i, text.subarray(i * pieceBytes, (i + 1) * pieceBytes), NO_DATA, out, at);
  }
  return out;
}

Deno.test("MultiBufferCipher seals pieces as noble does one by one, and opens them", { ignore }, () => {
  const cipher = multiBufferCipher();
  const piece = fc.record({
    length: fc.integer({ min: 1, max: 9_000 }),
    pieceBytes: fc.integer({ min: 1, max: 3_000 }),
    gapBytes: fc.integer({ min: 0, max: 5 }),
    counter: fc.oneof(
      fc.integer({ min: 0, max: 99 }),
      fc.constant(0xffff_fffe),
      fc.constant(2 ** 53 - 9_002),
    ),
  });
  fc.assert(
    fc.property(piece, ({ length, pieceBytes, gapBytes, counter }) => {
      fc.pre(length / pieceBytes <= 200);
      const text = Uint8Array.from({ length }, (_, i) => i * 5 + (i >> 8));
      const expected = sealSlowly(text, pieceBytes, gapBytes, counter);
      const out = new Uint8Array(expected.length + 9).fill(0xee);
      const end = cipher.seal(keyOf(), counter, { text, pieceBytes, gapBytes }, out, 3);
      assert.equal(end, 3 + expected.length);
      // What is in the gaps has no meaning.
      for (let at = 3; at < end; at += pieceBytes + TAG_BYTES + gapBytes) out.fill(0xee, at, at + gapBytes);
      assert.deepEqual(out.subarray(3, end), expected);
      assert(out.subarray(end).every((byte) => byte === 0xee));
      cipher.load(expected);
      for (let at = gapBytes; at < expected.length; at += pieceBytes + TAG_BYTES + gapBytes) {
        cipher.place(at, Math.min(pieceBytes + TAG_BYTES, expected.length - at));
      }
      const opened = new Uint8Array(length);
      const messages = Math.ceil(length / pieceBytes);
      assert.deepEqual(cipher.openPlaced(keyOf(), counter, opened), { messages, bytes: length });
      assert.deepEqual(opened, text);
    }),
    { numRuns: 200 },
  );
});

Deno.test("MultiBufferCipher opens up to the first message that is not authentic", { ignore }, () => {
  const cipher = multiBufferCipher();
  const text = new Uint8Array(1_600).fill(3);
  const sealed = sealSlowly(text, 200, 0, 5);
  const place = (bytes: Uint8Array) => {
    cipher.load(bytes);
    for (let i = 0; i < 8; i++) cipher.place(i * 216, 216);
  };
  for (let forged = 0; forged < 8; forged++) {
    const messages = sealed.slice();
    messages[forged * 216 + 17] = 1;
    place(messages);
    const out = new Uint8Array(1_600);
    assert.deepEqual(cipher.openPlaced(keyOf(), 5, out), { messages: forged, bytes: forged * 200 });
    assert(out.every((byte, at) => byte === (at < forged * 200 ? 3 : 0)), "nothing else is given out");
  }
  place(sealed);
  assert.equal(cipher.openPlaced(keyOf(), 6, new Uint8Array(1_600)).messages, 0, "counters count");
  assert.deepEqual(cipher.openPlaced(keyOf(), 6, new Uint8Array(0)), { messages: 0, bytes: 0 });
});

Deno.test(
  "MultiBufferCipher refuses what is too long, keys that are gone, and everything once it is closed",
  {
    ignore,
  },
  () => {
    const cipher = multiBufferCipher();
    const out = new Uint8Array(cipher.roomBytes * 2);
    const job = (length: number, pieceBytes: number) => ({
      text: new Uint8Array(length),
      pieceBytes,
      gapBytes: 0,
    });
    for (const [length, pieceBytes] of [[0, 10], [10, 0], [cipher.roomBytes, 9_000], [5_000, 1]] as const) {
      assert.throws(() => cipher.seal(keyOf(), 0, job(length, pieceBytes), out, 0), RangeError);
    }
    assert.throws(() => cipher.seal(keyOf(), 0, job(5_000, 1_000), new Uint8Array(5_000), 0), RangeError);
    const key = keyOf();
    key.wipe();
    assert.throws(() => cipher.seal(key, 0, job(5_000, 1_000), out, 0), TypeError);
    assert.throws(
      () => cipher.seal(keyOf(), 0, { text: new Uint8Array(99), pieceBytes: 50, gapBytes: 17 }, out, 0),
      RangeError,
    );
    cipher.load(new Uint8Array(100));
    cipher.place(0, 100);
    assert.equal(cipher.openPlaced(key, 0, out).messages, 0);
    assert.throws(() => cipher.load(new Uint8Array(cipher.roomBytes + 1)), RangeError);
    cipher.load(new Uint8Array(cipher.roomBytes));
    // What is too short, or beyond the memory, is not authentic.
    for (const [at, length] of [[0, 3], [cipher.roomBytes - 20, 40], [2 ** 31 - 100_000, 40]] as const) {
      cipher.place(at, length);
      assert.equal(cipher.openPlaced(keyOf(), 0, out).messages, 0);
    }
    for (let i = 0; i < 2_048; i++) cipher.place(i, 40);
    assert.throws(() => cipher.place(0, 40), RangeError);
    assert.equal(cipher.openPlaced(keyOf(), 0, out).messages, 0);
    cipher.close();
    assert(cipher.isClosed);
    assert.throws(() => cipher.seal(keyOf(), 0, job(5_000, 1_000), out, 0), TypeError);
    assert.throws(() => cipher.openPlaced(keyOf(), 0, out), TypeError);
  },
);
