/**
 * Tests of the cipher's batches against noble and against superpackets cut the plain way.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { chacha20 } from "@noble/ciphers/chacha.js";
import { nobleAead, nobleCipher } from "../select_aead.ts";
import { loadedTiers, nativeBatchCipher } from "../testing/native_code.ts";
import { WasmBatchCipher } from "./wasm_batch_cipher.ts";
import { CIPHER_BYTES, CIPHER_LAYOUT, cipherMemory, instantiateCipher, MAX_BATCH } from "../wasm_module.ts";

const NO_DATA = new Uint8Array(0);
const CANARY = 0xaa;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

function raw() {
  const memory = cipherMemory(8);
  return { wasm: instantiateCipher(memory), bytes: new Uint8Array(memory.buffer) };
}

/** The message that holds `text`, by noble. */
function message(text: Uint8Array, counter: number, remoteIndex: number): Uint8Array {
  const out = new Uint8Array(text.length + 32);
  const view = new DataView(out.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, remoteIndex, true);
  view.setBigUint64(8, BigInt(counter), true);
  nobleAead.key(KEY).seal(counter, text, NO_DATA, out, 16);
  return out;
}

const P = 2n ** 130n - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** Reads 16 bytes, little-endian. */
function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.slice(0, 16).reverse().toHex()}`);
}

function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.fromHex((value % 2n ** 128n).toString(16).padStart(32, "0")).reverse();
}

/** The inverse modulo P, which is a prime. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (let exponent = P - 2n, power = value; exponent > 0n; exponent >>= 1n, power = power * power % P) {
    if (exponent & 1n) result = result * power % P;
  }
  return result;
}

Deno.test(`seal() authenticates blocks of ones as noble does, whatever the key`, () => {
  const { wasm, bytes } = raw();
  const at = CIPHER_BYTES, dataAt = CIPHER_BYTES + 64;
  for (let i = 0; i < 500; i++) {
    const [key, nonce] = [randomBytes(32), randomBytes(12)];
    const data = new Uint8Array(16 * (1 + i % 67)).fill(0xff);
    const expected = new Uint8Array(16);
    nobleCipher.seal(key, nonce, NO_DATA, data, expected, 0);
    bytes.set(key, CIPHER_LAYOUT.KEY);
    bytes.set(nonce, CIPHER_LAYOUT.NONCE);
    bytes.set(data, dataAt);
    wasm.seal(at, 0, dataAt, data.length);
    assert.deepEqual(bytes.slice(at, at + 16), expected, `key ${key.toHex()}, nonce ${nonce.toHex()}`);
  }
});

Deno.test(`seal() reduces sums that end at the edges of the field`, () => {
  const { wasm, bytes } = raw();
  const at = CIPHER_BYTES, dataAt = CIPHER_BYTES + 64;
  // After the data comes the block of lengths: 16 bytes of data, none of text (RFC 8439 §2.8).
  const lengths = 2n ** 128n + 16n;
  const edges = [0n, 2n ** 32n, 2n ** 64n, 2n ** 96n, 2n ** 128n, P];
  const targets = edges.flatMap((edge) =>
    [-6n, -5n, -2n, -1n, 0n, 1n, 4n, 5n, 6n].map((by) => (edge + by + P) % P)
  );
  let tried = 0;
  for (let i = 0; i < 12 * targets.length; i++) {
    const target = targets[i % targets.length] ?? 0n;
    const nonce = randomBytes(12);
    const first = chacha20(KEY, nonce, new Uint8Array(32));
    const r = number(first) & CLAMP, pad = number(first.subarray(16));
    const back = inverse(r);
    // ((block * r) + lengths) * r = target
    const block = ((target * back - lengths) * back % P + P) % P - 2n ** 128n;
    if (block < 0n || block >= 2n ** 128n) continue;
    tried++;
    bytes.set(KEY, CIPHER_LAYOUT.KEY);
    bytes.set(nonce, CIPHER_LAYOUT.NONCE);
    bytes.set(bytesOf(block), dataAt);
    wasm.seal(at, 0, dataAt, 16);
    assert.deepEqual(bytes.slice(at, at + 16), bytesOf(target + pad), `${target} by ${nonce.toHex()}`);
  }
  assert(tried > targets.length, `${tried}`);
});

Deno.test(`seal() and open() agree with noble at every length from 0 to 2,100, unaligned, within canaries`, () => {
  const { wasm, bytes } = raw();
  for (let length = 0; length <= 2_100; length++) {
    const [text, data, nonce] = [randomBytes(length), randomBytes(length % 49), randomBytes(12)];
    const expected = new Uint8Array(length + 16);
    nobleCipher.seal(KEY, nonce, text, data, expected, 0);
    const at = CIPHER_BYTES + 1_000 + length % 23;
    const dataAt = CIPHER_BYTES + 9_001;
    const prepare = (input: Uint8Array) => {
      bytes.fill(CANARY, CIPHER_BYTES, CIPHER_BYTES + 10_000);
      bytes.set(KEY, CIPHER_LAYOUT.KEY);
      bytes.set(nonce, CIPHER_LAYOUT.NONCE);
      bytes.set(data, dataAt);
      bytes.set(input, at);
    };
    const assertCanaries = () => {
      const isWhole = (from: number, to: number) => bytes.subarray(from, to).every((byte) => byte === CANARY);
      assert.ok(isWhole(CIPHER_BYTES, at) && isWhole(at + length + 16, dataAt), `canaries at ${length}`);
      assert.ok(bytes.subarray(CIPHER_LAYOUT.KEY, CIPHER_LAYOUT.KEY + 48).every((byte) => byte === 0));
    };
    prepare(text);
    wasm.seal(at, length, dataAt, data.length);
    assert.deepEqual(bytes.slice(at, at + length + 16), expected, `sealed, length ${length}`);
    assertCanaries();
    prepare(expected);
    assert.equal(wasm.open(at, length, dataAt, data.length), 1, `length ${length}`);
    assert.deepEqual(bytes.slice(at, at + length), text, `opened, length ${length}`);
    assertCanaries();
  }
});

Deno.test(`sealBatch() seals random batches as noble does, in place, and nothing beside them`, () => {
  const { wasm, bytes } = raw();
  const shape = fc.record({
    length: fc.nat(1_500),
    lastLength: fc.nat(1_500),
    count: fc.integer({ min: 1, max: 12 }),
    gap: fc.integer({ min: 32, max: 70 }),
    at: fc.integer({ min: CIPHER_BYTES + 16, max: CIPHER_BYTES + 99 }),
    counter: fc.nat(2 ** 53 - 100),
    remoteIndex: fc.nat(2 ** 32 - 1),
  });
  fc.assert(fc.property(shape, ({ length, lastLength, count, gap, at, counter, remoteIndex }) => {
    const stride = length + gap;
    const expected = new Uint8Array(60_000).fill(CANARY);
    bytes.fill(CANARY, CIPHER_BYTES, CIPHER_BYTES + expected.length);
    for (let i = 0; i < count; i++) {
      const text = randomBytes(i + 1 === count ? lastLength : length);
      bytes.set(text, at + i * stride);
      expected.set(message(text, counter + i, remoteIndex), at - CIPHER_BYTES - 16 + i * stride);
    }
    bytes.set(KEY, CIPHER_LAYOUT.KEY);
    wasm.sealBatch(at, stride, length, lastLength, count, remoteIndex, counter);
    assert.deepEqual(bytes.slice(CIPHER_BYTES, CIPHER_BYTES + expected.length), expected);
  }));
});
const makers: readonly (readonly [string, (pages: number) => WasmBatchCipher])[] = [
  ["baseline", (pages: number) => new WasmBatchCipher(pages)],
  ...[...loadedTiers.keys()].map((tier) =>
    [tier, (pages: number) => nativeBatchCipher(tier, pages)] as const
  ),
];

for (const [name, make] of makers) {
  Deno.test(`${name} openBatch() opens random batches, forged, cut and impossible messages among them`, () => {
    const cipher = make(8);
    const bytes = new Uint8Array(cipher.memory.buffer);
    const key = cipher.aead.key(KEY);
    const entry = fc.record({
      length: fc.oneof(fc.nat(700), fc.integer({ min: 1400, max: 1440 })),
      counter: fc.nat(2 ** 53 - 1),
      gap: fc.nat(40),
      flaw: fc.oneof(
        { weight: 4, arbitrary: fc.constant("none") },
        fc.constantFrom("bit", "counter", "short", "fraction"),
      ),
      bit: fc.nat(),
    });
    fc.assert(fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const { at, lengthBytes, counters, plaintextBytes } = cipher.openTable;
      const expected = new Uint8Array(40_000).fill(CANARY);
      bytes.fill(CANARY, CIPHER_BYTES, CIPHER_BYTES + expected.length);
      let end = CIPHER_BYTES + 5;
      const lengths = entries.map(({ length, counter, gap, flaw, bit }, i) => {
        const text = randomBytes(length);
        const sealed = message(text, counter, 1);
        const place = end + gap;
        at[i] = place;
        lengthBytes[i] = flaw === "short" ? bit % 32 : sealed.length;
        counters[i] = flaw === "counter"
          ? counter === 0 ? 1 : counter - 1
          : flaw === "fraction"
          ? -0.5 - counter
          : counter;
        if (flaw === "bit") {
          const which = 128 + bit % ((sealed.length - 16) * 8);
          sealed[which >> 3] = (sealed[which >> 3] ?? 0) ^ (1 << (which & 7));
        }
        bytes.set(sealed, place);
        expected.set(sealed, place - CIPHER_BYTES);
        // What cannot be a message is not touched, and a forgery is overwritten.
        if (flaw === "none") expected.set(text, place - CIPHER_BYTES + 16);
        else if (flaw === "bit" || flaw === "counter") {
          expected.fill(0, place - CIPHER_BYTES + 16, place - CIPHER_BYTES + 16 + length);
        }
        end = place + sealed.length;
        return flaw === "none" ? length : -1;
      });
      cipher.openBatch(key, entries.length);
      assert.deepEqual([...plaintextBytes.subarray(0, entries.length)], lengths);
      assert.deepEqual(bytes.slice(CIPHER_BYTES, CIPHER_BYTES + expected.length), expected);
    }));
  });

  Deno.test(`${name} openBatch() refuses every flipped bit, and leaves zeroes`, () => {
    const cipher = make(2);
    const bytes = new Uint8Array(cipher.memory.buffer);
    const key = cipher.aead.key(KEY);
    const { at, lengthBytes, counters, plaintextBytes } = cipher.openTable;
    const sealed = message(randomBytes(300), 2 ** 32 + 5, 1);
    at.fill(CIPHER_BYTES + 3, 0, 1);
    lengthBytes[0] = sealed.length;
    counters[0] = 2 ** 32 + 5;
    for (let bit = 16 * 8; bit < sealed.length * 8; bit++) {
      const forged = sealed.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      bytes.set(forged, CIPHER_BYTES + 3);
      cipher.openBatch(key, 1);
      assert.equal(plaintextBytes[0], -1);
      assert.ok(bytes.subarray(CIPHER_BYTES + 19, CIPHER_BYTES + 319).every((byte) => byte === 0));
    }
  });

  Deno.test(`${name} WasmBatchCipher throws at misuse, and works by no key that was wiped`, () => {
    const cipher = make(2);
    const key = cipher.aead.key(KEY);
    const job = {
      at: CIPHER_BYTES + 10,
      lengthBytes: 100,
      out: CIPHER_BYTES + 1000,
      roomBytes: 1000,
      key,
      counter: 0,
      remoteIndex: 1,
      mtuBytes: 1420,
    };
    for (
      const wrong of [
        { at: CIPHER_BYTES },
        { lengthBytes: 70_000 },
        { lengthBytes: -1 },
        { roomBytes: 70_000 },
        { out: 0 },
        { counter: -1 },
        { counter: 0.5 },
        { counter: 2 ** 53 - 1 },
      ]
    ) {
      assert.throws(() => cipher.sealSuperpacket({ ...job, ...wrong }), RangeError, JSON.stringify(wrong));
      assert.throws(() => cipher.layOutSuperpacket({ ...job, ...wrong }), RangeError, JSON.stringify(wrong));
    }
    const end = cipher.memory.buffer.byteLength;
    const laidOut = {
      at: end - 800,
      messageBytes: 100,
      lastBytes: 100,
      count: 8,
      key,
      counter: 0,
      remoteIndex: 1,
    };
    cipher.sealMessages(laidOut);
    for (
      const wrong of [
        { at: CIPHER_BYTES - 1 },
        { at: end - 799 },
        { count: 0 },
        { lastBytes: 31 },
        { lastBytes: 101 },
        { counter: -1 },
        { counter: 0.5 },
        { counter: 2 ** 53 - 8 },
      ]
    ) assert.throws(() => cipher.sealMessages({ ...laidOut, ...wrong }), RangeError, JSON.stringify(wrong));
    assert.throws(() => cipher.openBatch(key, MAX_BATCH + 1), RangeError);
    const foreign = nobleAead.key(KEY);
    assert.throws(() => cipher.sealSuperpacket({ ...job, key: foreign }), TypeError);
    assert.throws(() => cipher.openBatch(foreign, 1), TypeError);
    assert.throws(() => cipher.sealMessages({ ...laidOut, key: foreign }), TypeError);
    key.wipe();
    for (const count of [1, 8]) assert.throws(() => cipher.sealMessages({ ...laidOut, count }), TypeError);
    assert.throws(() => cipher.sealSuperpacket(job), TypeError);
    const bytes = new Uint8Array(cipher.memory.buffer);
    for (const by of [KEY, new Uint8Array(32)]) {
      const sealed = new Uint8Array(132);
      nobleAead.key(by).seal(1, new Uint8Array(100), NO_DATA, sealed, 16);
      bytes.set(sealed, CIPHER_BYTES);
      cipher.openTable.at[0] = CIPHER_BYTES;
      cipher.openTable.lengthBytes[0] = sealed.length;
      cipher.openTable.counters[0] = 1;
      cipher.openBatch(key, 1);
      assert.equal(cipher.openTable.plaintextBytes[0], -1);
    }
  });
}
