/**
 * XChaCha20-Poly1305, for WireGuard's cookie reply (WireGuard paper §5.4.7).
 * @module
 */

import { hchacha, xchacha20poly1305 } from "@noble/ciphers/chacha.js";

/** Length of its nonce in bytes. */
export const XCHACHA_NONCE_BYTES = 24;
/** Length of the part of a nonce that a subkey is derived from. */
export const XCHACHA_PREFIX_BYTES = 16;

// draft-irtf-cfrg-xchacha §2.2: the constant of ChaCha20, "expand 32-byte k".
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/**
 * The key by which ChaCha20-Poly1305 seals what XChaCha20-Poly1305 does with a nonce that begins with `prefix`; the other
 * 8 bytes are the nonce then, behind four zero bytes (draft-irtf-cfrg-xchacha §2.3), so that they can be a counter.
 *
 * @param key 32 bytes
 * @param prefix 16 bytes
 * @returns 32 bytes
 */
export function xchachaSubkey(key: Uint8Array, prefix: Uint8Array): Uint8Array {
  const out = new Uint32Array(8);
  hchacha(SIGMA, new Uint32Array(key.slice().buffer), new Uint32Array(prefix.slice().buffer), out);
  return new Uint8Array(out.buffer);
}

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
