/**
 * ChaCha20-Poly1305 by noble: readable, everywhere, and the oracle for the faster ones.
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type Aead, TAG_BYTES } from "./aead.ts";
import { CounterKey, type NonceCipher } from "./counter_key.ts";

/** The cipher alone. */
export const nobleCipher: NonceCipher = {
  seal(key, nonce, plaintext, data, out, at) {
    const target = out.subarray(at, at + plaintext.length + TAG_BYTES);
    chacha20poly1305(key, nonce, data).encrypt(plaintext, target);
  },
  open(key, nonce, ciphertext, data, out, at) {
    const target = out.subarray(at, at + ciphertext.length - TAG_BYTES);
    try {
      chacha20poly1305(key, nonce, data).decrypt(ciphertext, target);
      return true;
    } catch {
      return false;
    }
  },
};

/** By noble-ciphers. */
export const nobleAead: Aead = { name: "noble", key: (bytes) => new CounterKey(bytes, nobleCipher) };
