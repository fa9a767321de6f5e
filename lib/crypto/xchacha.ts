/**
 * XChaCha20-Poly1305, for WireGuard's cookie reply (WireGuard paper §5.4.7).
 * @module
 */

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";

/** Length of its nonce in bytes. */
export const XCHACHA_NONCE_BYTES = 24;

/**
 * @param key 32 bytes
 * @param nonce 24 bytes, random
 * @returns the ciphertext with its 16-byte tag
 */
export function xchachaSeal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array {
  return xchacha20poly1305(key, nonce, associatedData).encrypt(plaintext);
}

/** @returns the plaintext, or undefined when the tag is wrong */
export function xchachaOpen(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array | undefined {
  try {
    return xchacha20poly1305(key, nonce, associatedData).decrypt(ciphertext);
  } catch {
    return undefined;
  }
}
