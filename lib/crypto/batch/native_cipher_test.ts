// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Tests of the native cipher against noble and Wycheproof, at the edges of memory, of Poly1305's field and of counters.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, equalBytes, SeededRandom } from "../../base/mod.ts";
import { nobleCipher } from "../select_aead.ts";
import { guardedMemory, loadedTiers, missingTiers, RawNative } from "../testing/native_code.ts";
import { EDGES, textOfOnes, textToEdge } from "../testing/poly1305_edges.ts";
import { field, testVectors } from "../testing/wycheproof.ts";
import { CIPHER_LAYOUT } from "../wasm_module.ts";
import { missingFeatures } from "./native_cipher.ts";
import { NATIVE_CONTEXT } from "./native_layout.ts";

const NO_DATA = new Uint8Array(0);
const CANARY = 0xaa;
const HEADER_BYTES = 16;
const OVERHEAD_BYTES = 32;
/** Where the tables end; messages may stand anywhere behind. */
const TABLES_END = 0x1_0000;
const MEMORY_BYTES = 0x8_0000;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);

/** Tests share it: they run one after the other. */
const memory = loadedTiers.size > 0 ? guardedMemory(MEMORY_BYTES) : undefined;
const random = new SeededRandom(8439);

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

function nonceOf(counter: number | bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true);
  return nonce;
}

/** By noble. */
function sealed(key: Uint8Array, nonce: Uint8Array, text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length + 16);
  nobleCipher.seal(key, nonce, text, NO_DATA, out, 0);
  return out;
}

/** @returns the header that nobody reads, then what noble makes of a text */
function message(key: Uint8Array, nonce: Uint8Array, text: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(HEADER_BYTES).fill(0x77), sealed(key, nonce, text));
}

/** Names the first difference alone: all of a memory would take minutes to print. */
function assertSameBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(found.length, expected.length, what);
  if (equalBytes(found, expected)) return;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  assert.fail(`${what}: byte ${at} is ${found[at]}, not ${expected[at]}`);
}

function assertWiped(native: RawNative): void {
  const { context } = native;
  assert.ok(context.subarray(NATIVE_CONTEXT.KEY, NATIVE_CONTEXT.KEY + 32).every((byte) => byte === 0), "key");
  assert.ok(context.subarray(NATIVE_CONTEXT.SCRATCH).every((byte) => byte === 0), "scratch");
}

for (const [tier, reason] of missingTiers) {
  const name = `native ${tier} seals and opens`;
  console.log(`skipped: ${name}: ${reason}`);
  Deno.test({ name, ignore: true, fn: () => {} });
}

for (const tier of loadedTiers.keys()) {
  const native = new RawNative(tier, memory ?? assert.fail());
  const { bytes } = native;

  /** Seals texts of one length but the last, and opens what noble sealed; all memory around has to stay what it was. */
  const checkBatch = (texts: readonly Uint8Array[], at: number, counter: number, key = KEY): void => {
    const messageBytes = (texts[0]?.length ?? 0) + OVERHEAD_BYTES;
    const lastBytes = (texts.at(-1)?.length ?? 0) + OVERHEAD_BYTES, count = texts.length;
    const end = at + (count - 1) * messageBytes + lastBytes + 256;
    bytes.fill(CANARY, TABLES_END, end);
    const expected = bytes.slice(0, end);
    for (const [i, text] of texts.entries()) {
      const start = at + i * messageBytes + HEADER_BYTES;
      bytes.set(text, start);
      expected.set(sealed(key, nonceOf(counter + i), text), start);
    }
    assert.equal(native.seal(key, nonceOf(counter), { at, messageBytes, lastBytes, count }), count);
    assertSameBytes(bytes.subarray(TABLES_END, end), expected.subarray(TABLES_END), "sealed");
    assertWiped(native);
    const places = texts.map((text, i) => ({
      at: at + i * messageBytes,
      lengthBytes: text.length + OVERHEAD_BYTES,
    }));
    const results = native.open(key, nonceOf(0), places, texts.map((_, i) => counter + i));
    assert.deepEqual(results, texts.map(({ length }) => length));
    for (const [i, text] of texts.entries()) expected.set(text, at + i * messageBytes + HEADER_BYTES);
    assertSameBytes(bytes.subarray(TABLES_END, end), expected.subarray(TABLES_END), "opened");
    assertWiped(native);
  };

  Deno.test(`native ${tier} seals and opens every length from 0 to 2,100 as noble does, within canaries`, () => {
    for (let length = 0; length <= 2_100; length++) {
      // As many texts as there are lanes, and one in the next group.
      const count = length % 40 === 0 ? 17 : 1;
      checkBatch(
        Array.from({ length: count }, (_, i) => randomBytes(i + 1 < count ? length : (length * 7) % 2_101)),
        TABLES_END + 100 + length % 67,
        length,
      );
    }
  });

  Deno.test(`native ${tier} seals and opens the longest messages, and many`, () => {
    checkBatch([randomBytes(65_535), randomBytes(65_535), randomBytes(65_520)], TABLES_END + 1, 7);
    checkBatch(Array.from({ length: 700 }, () => randomBytes(61)), TABLES_END + 3, 2 ** 53 - 800);
  });

  Deno.test(`native ${tier} opens random batches, forged, cut and impossible messages among them`, () => {
    const entry = fc.record({
      length: fc.oneof(fc.nat(200), fc.nat(1_500)),
      gap: fc.nat(40),
      counter: fc.oneof(fc.nat(2 ** 53 - 1), fc.integer({ min: 2 ** 32 - 2, max: 2 ** 32 + 2 })),
      flaw: fc.oneof(
        { weight: 6, arbitrary: fc.constant("none" as const) },
        fc.constantFrom("bit", "counter", "short", "fraction", "negative", "nan", "large", "outside", "end"),
      ),
      bit: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
        let end = TABLES_END + 5;
        bytes.fill(CANARY, TABLES_END, TABLES_END + 70_000);
        const expected = bytes.slice(TABLES_END, TABLES_END + 70_000);
        const wrongCounters = { fraction: 0.5, negative: -1, nan: NaN, large: 2 ** 53, counter: 3 };
        const all = entries.map(({ length, gap, counter, flaw, bit }) => {
          const text = randomBytes(length), wire = message(KEY, nonceOf(counter), text), at = end + gap;
          if (flaw === "bit") {
            const which = 128 + bit % ((wire.length - HEADER_BYTES) * 8);
            wire[which >> 3] = (wire[which >> 3] ?? 0) ^ (1 << (which & 7));
          }
          bytes.set(wire, at);
          expected.set(wire, at - TABLES_END);
          // What can be no message is not touched, and a forgery is overwritten.
          if (flaw === "none") expected.set(text, at - TABLES_END + HEADER_BYTES);
          const isForged = flaw === "bit" || (flaw === "counter" && counter !== 3);
          if (isForged) {
            expected.fill(0, at - TABLES_END + HEADER_BYTES, at - TABLES_END + HEADER_BYTES + length);
          }
          if (flaw === "counter" && counter === 3) expected.set(text, at - TABLES_END + HEADER_BYTES);
          end = at + wire.length;
          const given = flaw in wrongCounters ? wrongCounters[flaw as keyof typeof wrongCounters] : counter;
          const lengthBytes = flaw === "short"
            ? bit % 32
            : flaw === "end"
            ? MEMORY_BYTES - at + 1
            : wire.length;
          const isOpen = flaw === "none" || (flaw === "counter" && counter === 3);
          return {
            place: { at: flaw === "outside" ? 2 ** 31 + bit : at, lengthBytes },
            given,
            result: isOpen ? length : -1,
          };
        });
        const results = native.open(
          KEY,
          nonceOf(0),
          all.map(({ place }) => place),
          all.map(({ given }) => given),
        );
        assert.deepEqual(results, all.map(({ result }) => result));
        assertSameBytes(bytes.subarray(TABLES_END, TABLES_END + 70_000), expected, "opened");
        assertWiped(native);
      }),
      { numRuns: 100, seed: 8439 },
    );
  });

  Deno.test(`native ${tier} refuses every flipped bit, and leaves zeroes`, () => {
    const text = randomBytes(150), wire = message(KEY, nonceOf(5), text), lanes = 16;
    const bits = (wire.length - HEADER_BYTES) * 8;
    for (let first = 0; first < bits; first += lanes) {
      const places = Array.from({ length: lanes }, (_, i) => {
        const at = TABLES_END + 3 + i * 200, bit = HEADER_BYTES * 8 + (first + i) % bits;
        bytes.set(wire, at);
        bytes[at + (bit >> 3)] = (wire[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return { at, lengthBytes: wire.length };
      });
      assert.deepEqual(native.open(KEY, nonceOf(5), places), places.map(() => -1));
      for (const { at } of places) {
        assert.ok(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + 150).every((byte) => byte === 0));
      }
    }
  });

  Deno.test(`native ${tier} reduces sums that end at the edges of the field, and takes blocks of ones`, () => {
    let tried = 0;
    for (let round = 0; round < 8; round++) {
      const key = randomBytes(32);
      for (let from = 0; from < EDGES.length; from += 18) {
        const texts = EDGES.slice(from, from + 18).map((edge, i) => {
          const text = textToEdge(key, nonceOf(i), { edge, first: randomBytes(16) });
          if (text !== undefined) tried++;
          return text ?? textOfOnes(key, nonceOf(i), 32);
        });
        checkBatch(texts, TABLES_END, 0, key);
      }
      checkBatch(
        Array.from({ length: 18 }, (_, i) => textOfOnes(key, nonceOf(i), 1_500)),
        TABLES_END,
        0,
        key,
      );
    }
    assert.ok(tried > 50, `${tried}`);
  });

  Deno.test(`native ${tier} carries the counter from its lower half into its upper one`, () => {
    for (const counter of [2 ** 32 - 20, 2 ** 32 - 1, 2 ** 40, 2 ** 53 - 40]) {
      checkBatch(Array.from({ length: 35 }, () => randomBytes(90)), TABLES_END + 9, counter);
    }
  });

  Deno.test(`native ${tier} reads and writes nothing beyond memory, at both of its ends`, () => {
    for (let length = 0; length < 300; length++) {
      const text = randomBytes(length), wire = message(KEY, nonceOf(length), text), lengthBytes = wire.length;
      const end = MEMORY_BYTES - lengthBytes;
      for (const at of [0, end]) {
        bytes.set(text, at + HEADER_BYTES);
        const job = { at, messageBytes: 0, lastBytes: lengthBytes, count: 1 };
        assert.equal(native.seal(KEY, nonceOf(length), job), 1);
        assert.deepEqual(bytes.slice(at + HEADER_BYTES, at + lengthBytes), wire.slice(HEADER_BYTES));
      }
      assert.deepEqual(native.open(KEY, nonceOf(length), [{ at: end, lengthBytes }]), [length]);
      assert.deepEqual(bytes.slice(end + HEADER_BYTES, end + HEADER_BYTES + length), text);
    }
  });

  Deno.test(`native ${tier} seals nothing that leaves the memory, or has no room for header and tag`, () => {
    bytes.fill(CANARY);
    const key = KEY, nonce = nonceOf(1), messageBytes = 4096, lastBytes = 4096;
    const seal = (job: { at: number; count: number; messageBytes?: number; lastBytes?: number }) =>
      native.seal(key, nonce, { messageBytes, lastBytes, ...job });
    assert.equal(seal({ at: MEMORY_BYTES - 4095, count: 1 }), 0);
    assert.equal(seal({ at: MEMORY_BYTES, count: 20 }), 0);
    assert.equal(seal({ at: 2 ** 40, count: 1 }), 0);
    assert.equal(seal({ at: TABLES_END, count: 1, lastBytes: 31 }), 0);
    assert.equal(seal({ at: TABLES_END, count: 0 }), 0);
    assert.ok(bytes.every((byte) => byte === CANARY));
    // What fits is sealed, and counted.
    assert.equal(seal({ at: MEMORY_BYTES - 3 * 4096, count: 20 }), 3);
    bytes.fill(CANARY);
    assert.deepEqual(native.open(key, nonce, [{ at: -1, lengthBytes: 64 }, { at: 0, lengthBytes: -1 }]), [
      -1,
      -1,
    ]);
    assert.ok(bytes.subarray(TABLES_END).every((byte) => byte === CANARY));
  });

  testVectors(
    `native ${tier} agrees with Wycheproof where there is no associated data`,
    "wycheproof_chacha20_poly1305_test.json",
    (vector) => {
      const [key, nonce] = [field(vector, "key"), field(vector, "iv")];
      if (nonce.length !== 12 || field(vector, "aad").length > 0) return false;
      const text = field(vector, "msg"), ciphertext = concatBytes(field(vector, "ct"), field(vector, "tag"));
      const at = TABLES_END, lengthBytes = HEADER_BYTES + ciphertext.length;
      bytes.set(ciphertext, at + HEADER_BYTES);
      const results = native.open(key, nonce, [{ at, lengthBytes }]);
      const opened = bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + text.length);
      if (vector.result !== "valid") {
        assert.deepEqual(results, [-1]);
        assert.ok(opened.every((byte) => byte === 0));
        return;
      }
      assert.deepEqual(results, [text.length]);
      assert.deepEqual(opened, text);
      assert.equal(native.seal(key, nonce, { at, messageBytes: 0, lastBytes: lengthBytes, count: 1 }), 1);
      assert.deepEqual(bytes.slice(at + HEADER_BYTES, at + lengthBytes), ciphertext);
    },
  );

  Deno.test(`native ${tier} encrypts the examples of RFC 8439 §2.4.2 and §2.8.2`, () => {
    const text = new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        "sunscreen would be it.",
    );
    for (
      const [firstOfKey, nonce, begins] of [
        [0x00, "000000000000004a00000000", "6e2e359a2568f98041ba0728dd0d6981"],
        [0x80, "070000004041424344454647", "d31a8d34648e60db7b86afbc53ef7ec2"],
      ] as const
    ) {
      bytes.set(text, TABLES_END + HEADER_BYTES);
      native.seal(Uint8Array.from({ length: 32 }, (_, i) => firstOfKey + i), Uint8Array.fromHex(nonce), {
        at: TABLES_END,
        messageBytes: 0,
        lastBytes: text.length + OVERHEAD_BYTES,
        count: 1,
      });
      assert.equal(bytes.subarray(TABLES_END + HEADER_BYTES, TABLES_END + 2 * HEADER_BYTES).toHex(), begins);
    }
  });
}

Deno.test("missingFeatures() names what the processor lacks, or the system does not save", () => {
  // Of a processor that has all of it.
  const all = Uint32Array.of(0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xff);
  const without = (word: number, bits: readonly number[]) => {
    const answer = all.slice();
    for (const bit of bits) answer[word] = (answer[word] ?? 0) & ~(1 << bit);
    return missingFeatures(answer);
  };
  assert.deepEqual(missingFeatures(all), { avx512: [], avx2: [] });
  assert.deepEqual(without(0, [5]), { avx512: [], avx2: ["AVX2"] });
  assert.deepEqual(without(0, [8]), { avx512: ["BMI2"], avx2: ["BMI2"] });
  assert.deepEqual(without(0, [21]).avx512, ["AVX-512 IFMA"]);
  assert.deepEqual(without(0, [31]).avx512, ["AVX-512 F, DQ, BW and VL"]);
  assert.deepEqual(without(1, [6]).avx512, ["AVX-512 VBMI2"]);
  // The system saves what AVX needs, and no more.
  assert.deepEqual(without(3, [5, 6, 7]), { avx512: ["saved vector registers"], avx2: [] });
  assert.deepEqual(without(2, [27]).avx2, ["saved vector registers"]);
  assert.deepEqual(missingFeatures(new Uint32Array(4)).avx2, [
    "saved vector registers",
    "AVX",
    "AVX2",
    "BMI2",
  ]);
});

Deno.test("the native cipher's tables are where the WebAssembly's are", () => {
  assert.ok(CIPHER_LAYOUT.TABLE_COUNTER + 8 * 2048 <= TABLES_END);
});
