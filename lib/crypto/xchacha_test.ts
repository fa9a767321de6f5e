import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../base/mod.ts";
import { writeCounterNonce } from "./aead.ts";
import { WasmCipher } from "./aead_wasm.ts";
import { nobleAead, selectNonceCipher } from "./select_aead.ts";
import { field, testVectors } from "./testing/wycheproof.ts";
import {
  XCHACHA_NONCE_BYTES,
  xchachaOpen,
  xchachaOpenBy,
  xchachaSeal,
  xchachaSealBy,
  xchachaSubkey,
} from "./xchacha.ts";

const FAST = selectNonceCipher();

testVectors(
  "xchachaSeal() and xchachaOpen() agree with Wycheproof",
  "wycheproof_xchacha20_poly1305_test.json",
  (vector) => {
    const [key, nonce, data] = [field(vector, "key"), field(vector, "iv"), field(vector, "aad")];
    const plaintext = field(vector, "msg");
    const ciphertext = concatBytes(field(vector, "ct"), field(vector, "tag"));
    if (vector.result === "valid") {
      assert.deepEqual(xchachaSeal(key, nonce, plaintext, data), ciphertext);
      assert.deepEqual(xchachaOpen(key, nonce, ciphertext, data), plaintext);
      assert.deepEqual(xchachaSealBy(FAST, key, nonce, plaintext, data), ciphertext);
      assert.deepEqual(xchachaOpenBy(FAST, key, nonce, ciphertext, data), plaintext);
    } else {
      assert.equal(xchachaOpen(key, nonce, ciphertext, data), undefined);
      assert.equal(xchachaOpenBy(FAST, key, nonce, ciphertext, data), undefined);
    }
  },
);

Deno.test("xchachaOpen() opens what xchachaSeal() sealed and nothing that differs in a bit", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const nonce = fc.uint8Array({ minLength: XCHACHA_NONCE_BYTES, maxLength: XCHACHA_NONCE_BYTES });
  const text = fc.uint8Array({ maxLength: 100 });
  fc.assert(fc.property(key, nonce, text, text, fc.nat(), (key, nonce, plaintext, data, flip) => {
    const sealed = xchachaSeal(key, nonce, plaintext, data);
    assert.equal(sealed.length, plaintext.length + 16);
    assert.deepEqual(xchachaOpen(key, nonce, sealed, data), plaintext);
    for (const part of [sealed, nonce, key]) {
      const at = flip % part.length;
      part[at] = (part[at] ?? 0) ^ (1 << (flip % 8));
      assert.equal(xchachaOpen(key, nonce, sealed, data), undefined);
      part[at] = (part[at] ?? 0) ^ (1 << (flip % 8));
    }
    assert.equal(xchachaOpen(key, nonce, sealed, concatBytes(data, Uint8Array.of(0))), undefined);
  }));
});

Deno.test("by a faster cipher the same is sealed and opened, and nothing that differs in a bit", () => {
  assert.ok(FAST instanceof WasmCipher, "WebAssembly answers right here");
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const text = fc.uint8Array({ maxLength: 3_000 });
  fc.assert(fc.property(bytes(32), bytes(24), text, text, fc.nat(), (key, nonce, plaintext, data, flip) => {
    const sealed = xchachaSealBy(FAST, key, nonce, plaintext, data);
    assert.deepEqual(sealed, xchachaSeal(key, nonce, plaintext, data));
    assert.deepEqual(xchachaOpenBy(FAST, key, nonce, sealed, data), plaintext);
    const at = flip % sealed.length;
    sealed[at] = (sealed[at] ?? 0) ^ (1 << (flip % 8));
    assert.equal(xchachaOpenBy(FAST, key, nonce, sealed, data), undefined);
  }));
  for (let length = 0; length < 16; length++) {
    const short = new Uint8Array(length);
    assert.equal(xchachaOpenBy(FAST, new Uint8Array(32), new Uint8Array(24), short, short), undefined);
  }
});

Deno.test("xchachaOpen() refuses what is shorter than a tag", () => {
  for (let length = 0; length < 16; length++) {
    const short = new Uint8Array(length);
    assert.equal(xchachaOpen(new Uint8Array(32), new Uint8Array(24), short, new Uint8Array(0)), undefined);
  }
});

Deno.test("xchachaSubkey() seals by ChaCha20-Poly1305 what xchachaOpen() opens", () => {
  // draft-irtf-cfrg-xchacha §2.2.1
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const prefix = Uint8Array.fromHex("000000090000004a0000000031415927");
  const subkey = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc";
  assert.equal(xchachaSubkey(key, prefix).toHex(), subkey);

  const text = fc.uint8Array({ maxLength: 100 });
  fc.assert(fc.property(fc.maxSafeNat(), text, text, (counter, plaintext, data) => {
    const sealed = new Uint8Array(plaintext.length + 16);
    nobleAead.key(xchachaSubkey(key, prefix)).seal(counter, plaintext, data, sealed, 0);
    const nonce = new Uint8Array(12);
    writeCounterNonce(nonce, counter);
    assert.deepEqual(xchachaOpen(key, concatBytes(prefix, nonce.subarray(4)), sealed, data), plaintext);
  }));
});
