import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../base/mod.ts";
import { type Aead, type NonceCipher, TAG_BYTES, writeCounterNonce } from "./aead.ts";
import { wasmAead, WasmCipher } from "./aead_wasm.ts";
import {
  mixedAead,
  nobleAead,
  nobleCipher,
  platformAead,
  platformCipher,
  selectAead,
} from "./select_aead.ts";
import { field, testVectors } from "./testing/wycheproof.ts";

const NO_DATA = new Uint8Array(0);
const UNTOUCHED = 0xaa;
const aeads = [wasmAead(), mixedAead(), platformAead, nobleAead];
const ciphers: readonly (readonly [string, NonceCipher])[] = [
  ["baseline cipher", new WasmCipher()],
  ["platform", platformCipher],
  ["noble", nobleCipher],
];

function seal(
  aead: Aead,
  key: Uint8Array,
  counter: number,
  plaintext: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(plaintext.length + TAG_BYTES);
  assert.equal(aead.key(key).seal(counter, plaintext, data, out, 0), out.length);
  return out;
}

for (const [name, cipher] of ciphers) {
  testVectors(
    `${name} ChaCha20-Poly1305 agrees with Wycheproof`,
    "wycheproof_chacha20_poly1305_test.json",
    (vector) => {
      const [key, nonce, data] = [field(vector, "key"), field(vector, "iv"), field(vector, "aad")];
      // The port has nonces of one length only.
      if (nonce.length !== 12) return false;
      const plaintext = field(vector, "msg");
      const ciphertext = concatBytes(field(vector, "ct"), field(vector, "tag"));
      const opened = new Uint8Array(plaintext.length).fill(UNTOUCHED);
      if (vector.result === "valid") {
        const sealed = new Uint8Array(ciphertext.length);
        cipher.seal(key, nonce, plaintext, data, sealed, 0);
        assert.deepEqual(sealed, ciphertext);
        assert.equal(cipher.open(key, nonce, ciphertext, data, opened, 0), true);
        assert.deepEqual(opened, plaintext);
      } else {
        assert.equal(cipher.open(key, nonce, ciphertext, data, opened, 0), false);
        assert.ok(opened.every((byte) => byte === UNTOUCHED));
      }
    },
  );
}

for (const [name, cipher] of ciphers) {
  Deno.test(`${name} ChaCha20-Poly1305 seals the example of RFC 8439 §2.8.2`, () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
    const nonce = Uint8Array.fromHex("070000004041424344454647");
    const data = Uint8Array.fromHex("50515253c0c1c2c3c4c5c6c7");
    const plaintext = new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        "sunscreen would be it.",
    );
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
    cipher.seal(key, nonce, plaintext, data, sealed, 0);
    assert.equal(sealed.subarray(0, 16).toHex(), "d31a8d34648e60db7b86afbc53ef7ec2");
    assert.equal(sealed.subarray(-16).toHex(), "1ae10b594f09e26a7e902ecbd0600691");
    const opened = new Uint8Array(plaintext.length);
    assert.equal(cipher.open(key, nonce, sealed, data, opened, 0), true);
    assert.deepEqual(opened, plaintext);
  });
}

Deno.test("writeCounterNonce() writes 64 bits, little-endian, behind four zero bytes", () => {
  for (
    const [counter, expected] of [
      [0, "000000000000000000000000"],
      [1, "000000000100000000000000"],
      [0xffff_ffff, "00000000ffffffff00000000"],
      [0x1_0000_0000, "000000000000000001000000"],
      [Number.MAX_SAFE_INTEGER, "00000000ffffffffffff1f00"],
    ] as const
  ) {
    const nonce = new Uint8Array(12);
    writeCounterNonce(nonce, counter);
    assert.equal(nonce.toHex(), expected);
  }
  fc.assert(fc.property(fc.maxSafeNat(), (counter) => {
    const nonce = new Uint8Array(12).fill(7, 4);
    writeCounterNonce(nonce, counter);
    assert.equal(new DataView(nonce.buffer).getBigUint64(4, true), BigInt(counter));
  }));
});

for (const aead of aeads) {
  const key = new Uint8Array(32).fill(0x42);
  const plaintext = Uint8Array.from({ length: 100 }, (_, i) => i);
  const data = Uint8Array.of(1, 2, 3);

  Deno.test(`${aead.name} AEAD writes where it is told to and nowhere else`, () => {
    const sealed = seal(aead, key, 9, plaintext, data);
    const out = new Uint8Array(200).fill(UNTOUCHED);
    assert.equal(aead.key(key).seal(9, plaintext, data, out, 50), 116);
    assert.deepEqual(out.subarray(50, 166), sealed);
    const opened = new Uint8Array(200).fill(UNTOUCHED);
    assert.equal(aead.key(key).open(9, out.subarray(50, 166), data, opened, 30), 100);
    assert.deepEqual(opened.subarray(30, 130), plaintext);
    for (const [bytes, from, to] of [[out, 50, 166], [opened, 30, 130]] as const) {
      assert.ok(bytes.every((byte, i) => (i >= from && i < to) || byte === UNTOUCHED));
    }
  });

  Deno.test(`${aead.name} AEAD opens in place`, () => {
    const buffer = seal(aead, key, 9, plaintext, data);
    assert.equal(aead.key(key).open(9, buffer, data, buffer, 0), 100);
    assert.deepEqual(buffer.subarray(0, 100), plaintext);
  });

  Deno.test(`${aead.name} AEAD refuses any flipped bit and leaves nothing in the output`, () => {
    const sealed = seal(aead, key, 9, plaintext, data);
    const out = new Uint8Array(100).fill(UNTOUCHED);
    const refuses = (counter: number, ciphertext: Uint8Array, associated: Uint8Array, by = key): void => {
      assert.equal(aead.key(by).open(counter, ciphertext, associated, out, 0), -1);
      assert.ok(out.every((byte) => byte === UNTOUCHED));
    };
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const forged = sealed.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refuses(9, forged, data);
    }
    for (let length = 0; length < sealed.length; length++) refuses(9, sealed.subarray(0, length), data);
    refuses(10, sealed, data);
    refuses(9 + 2 ** 32, sealed, data);
    refuses(9, sealed, NO_DATA);
    refuses(9, sealed, Uint8Array.of(1, 2, 4));
    refuses(9, sealed, data, new Uint8Array(32));
  });

  Deno.test(`${aead.name} AEAD throws at misuse and refuses remote counters that are none`, () => {
    const sealed = seal(aead, key, 0, plaintext, data);
    const opener = aead.key(key);
    const room = new Uint8Array(200);
    for (const length of [0, 16, 31, 33]) assert.throws(() => aead.key(new Uint8Array(length)), RangeError);
    for (const counter of [-1, 0.5, NaN, Infinity, 2 ** 53, 2 ** 64]) {
      assert.throws(() => opener.seal(counter, plaintext, data, room, 0), RangeError);
      assert.equal(opener.open(counter, sealed, data, room, 0), -1);
    }
    assert.throws(() => opener.seal(1, plaintext, data, new Uint8Array(115), 0), RangeError);
    assert.throws(() => opener.seal(1, plaintext, data, room, 85), RangeError);
    assert.throws(() => opener.seal(1, plaintext, data, room, -1), RangeError);
    assert.throws(() => opener.open(0, sealed, data, new Uint8Array(99), 0), RangeError);
    assert.ok(room.every((byte) => byte === 0));
  });

  Deno.test(`${aead.name} AEAD neither seals nor opens by a wiped key`, () => {
    const wiped = aead.key(key);
    wiped.wipe();
    wiped.wipe();
    const out = new Uint8Array(200);
    assert.throws(() => wiped.seal(1, plaintext, data, out, 0), TypeError);
    assert.equal(wiped.open(1, seal(aead, key, 1, plaintext, data), data, out, 0), -1);
    assert.equal(wiped.open(1, seal(aead, new Uint8Array(32), 1, plaintext, data), data, out, 0), -1);
  });

  Deno.test(`${aead.name} AEAD keeps a copy of its key`, () => {
    const own = key.slice();
    const copy = aead.key(own);
    own.fill(0);
    assert.equal(copy.open(3, seal(aead, key, 3, plaintext, data), data, new Uint8Array(100), 0), 100);
    copy.wipe();
    assert.equal(key[0], 0x42);
  });
}

Deno.test("Aead.key() of every implementation seals alike, and opens what the others sealed", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const text = fc.uint8Array({ maxLength: 1_500 });
  fc.assert(fc.property(bytes, fc.maxSafeNat(), text, text, (key, counter, plaintext, data) => {
    const byPlatform = seal(platformAead, key, counter, plaintext, data);
    for (const aead of aeads) {
      assert.deepEqual(seal(aead, key, counter, plaintext, data), byPlatform);
      const opened = new Uint8Array(plaintext.length);
      assert.equal(aead.key(key).open(counter, byPlatform, data, opened, 0), plaintext.length);
      assert.deepEqual(opened, plaintext);
    }
  }));
});

Deno.test("AeadKey.open() of every implementation refuses the same random bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
    for (const aead of aeads) {
      const out = new Uint8Array(64);
      assert.equal(aead.key(new Uint8Array(32)).open(0, noise, NO_DATA, out, 0), -1);
      assert.ok(out.every((byte) => byte === 0));
    }
  }));
});

Deno.test("selectAead() takes the cipher where it answers right", () => {
  assert.equal(selectAead().name, "baseline cipher");
});

Deno.test("selectAead() passes over what throws, seals wrong or takes forgeries", () => {
  const lacking = (): Aead => {
    throw new WebAssembly.CompileError("no SIMD");
  };
  const wrong = (): Aead => ({
    name: "wrong",
    key: (bytes) => nobleAead.key(bytes.map((byte) => byte ^ 1)),
  });
  const credulous = (): Aead => ({
    name: "credulous",
    key(bytes) {
      const key = nobleAead.key(bytes);
      return {
        seal: key.seal.bind(key),
        wipe: key.wipe.bind(key),
        open: (_, { length }) => length - TAG_BYTES,
      };
    },
  });
  assert.equal(selectAead([lacking, wrong, credulous, () => platformAead]), platformAead);
  assert.equal(selectAead([lacking, wrong, credulous]), nobleAead);
});
