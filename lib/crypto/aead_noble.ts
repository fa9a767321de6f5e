/**
 * ChaCha20-Poly1305 by noble: readable, everywhere, and the oracle for the faster ones.
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Aead, type AeadKey, NONCE_BYTES, TAG_BYTES, writeCounterNonce } from "./aead.ts";

class NobleKey implements AeadKey {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_BYTES);

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(counter: number, plaintext: Uint8Array, data: Uint8Array, out: Uint8Array, at: number): number {
    writeCounterNonce(this.#nonce, counter);
    const length = plaintext.length + TAG_BYTES;
    chacha20poly1305(this.#key, this.#nonce, data).encrypt(plaintext, out.subarray(at, at + length));
    return length;
  }

  open(counter: number, ciphertext: Uint8Array, data: Uint8Array, out: Uint8Array, at: number): number {
    const length = ciphertext.length - TAG_BYTES;
    if (length < 0) return -1;
    writeCounterNonce(this.#nonce, counter);
    try {
      chacha20poly1305(this.#key, this.#nonce, data).decrypt(ciphertext, out.subarray(at, at + length));
      return length;
    } catch {
      return -1;
    }
  }

  wipe(): void {
    this.#key.fill(0);
  }
}

/** By noble-ciphers. */
export const nobleAead: Aead = { name: "noble", key: (bytes) => new NobleKey(bytes) };
