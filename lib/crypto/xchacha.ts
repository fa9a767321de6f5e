/**
 * XChaCha20-Poly1305, for WireGuard's cookie reply (WireGuard paper §5.4.7) and what is kept sealed.
 * @module
 */

import { hchacha, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { NONCE_BYTES, type NonceCipher, TAG_BYTES } from "./aead.ts";
import { KEY_BYTES } from "./secret.ts";

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

/**
 * The same by a faster cipher, for many short messages.
 * @param cipher as `selectNonceCipher` chooses it
 * @returns the ciphertext with its 16-byte tag
 * @throws RangeError when the key or the nonce has another length
 */
export function xchachaSealBy(
  cipher: NonceCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array {
  if (!areSized(key, nonce)) {
    throw new RangeError(`Cannot use a key of ${key.length} and a nonce of ${nonce.length} bytes`);
  }
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  withSubkey(key, nonce, (subkey, rest) => cipher.seal(subkey, rest, plaintext, associatedData, sealed, 0));
  return sealed;
}

/** @returns the plaintext, or undefined when the tag is wrong */
export function xchachaOpenBy(
  cipher: NonceCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length < TAG_BYTES || !areSized(key, nonce)) return undefined;
  const opened = new Uint8Array(ciphertext.length - TAG_BYTES);
  const isRight = withSubkey(
    key,
    nonce,
    (subkey, rest) => cipher.open(subkey, rest, ciphertext, associatedData, opened, 0),
  );
  return isRight ? opened : undefined;
}

function areSized(key: Uint8Array, nonce: Uint8Array): boolean {
  return key.length === KEY_BYTES && nonce.length === XCHACHA_NONCE_BYTES;
}

/** draft-irtf-cfrg-xchacha §2.3: what ChaCha20-Poly1305 is called with. */
function withSubkey<T>(
  key: Uint8Array,
  nonce: Uint8Array,
  use: (subkey: Uint8Array, nonce: Uint8Array) => T,
): T {
  const subkey = xchachaSubkey(key, nonce.subarray(0, XCHACHA_PREFIX_BYTES));
  const rest = new Uint8Array(NONCE_BYTES);
  rest.set(nonce.subarray(XCHACHA_PREFIX_BYTES), NONCE_BYTES - (XCHACHA_NONCE_BYTES - XCHACHA_PREFIX_BYTES));
  try {
    return use(subkey, rest);
  } finally {
    subkey.fill(0);
  }
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
