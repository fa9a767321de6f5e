/**
 * ChaCha20-Poly1305 by the runtime's `node:crypto`: about two and a half times noble's speed for packets of
 * 1,420 bytes, so it is preferred where it answers right.
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { type Aead, TAG_BYTES } from "./aead.ts";
import { CounterKey, type NonceCipher } from "./counter_key.ts";

const CIPHER = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES };

/** The cipher alone. */
export const platformCipher: NonceCipher = {
  seal(key, nonce, plaintext, data, out, at) {
    const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
    if (data.length > 0) cipher.setAAD(data, { plaintextLength: plaintext.length });
    out.set(cipher.update(plaintext), at);
    cipher.final();
    out.set(cipher.getAuthTag(), at + plaintext.length);
  },
  open(key, nonce, ciphertext, data, out, at) {
    const length = ciphertext.length - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
    if (data.length > 0) decipher.setAAD(data, { plaintextLength: length });
    decipher.setAuthTag(ciphertext.subarray(length));
    const plaintext = decipher.update(ciphertext.subarray(0, length));
    try {
      decipher.final();
    } catch {
      plaintext.fill(0);
      return false;
    }
    out.set(plaintext, at);
    return true;
  },
};

/** By `node:crypto`. */
export const platformAead: Aead = { name: "platform", key: (bytes) => new CounterKey(bytes, platformCipher) };
