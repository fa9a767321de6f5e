/**
 * ChaCha20-Poly1305 (RFC 8439) as a port, with the nonce that WireGuard and Noise use: a counter.
 * @module
 */

/** Length of the authentication tag in bytes (RFC 8439 §2.8). */
export const TAG_BYTES = 16;

/** Length of the nonce in bytes (RFC 8439 §2.8). */
export const NONCE_BYTES = 12;

/** One key, ready for use. */
export interface AeadKey {
  /**
   * Encrypts and authenticates. `plaintext` and the output may not overlap.
   *
   * @param counter a safe integer; a nonce is never used twice under one key
   * @param out receives the ciphertext and the tag from `at` on, `plaintext.length + 16` bytes
   * @returns how many bytes were written
   * @throws RangeError when `counter` is no safe integer or the output does not fit
   * @throws TypeError when the key was wiped
   */
  seal(
    counter: number,
    plaintext: Uint8Array,
    associatedData: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number;
  /**
   * Checks and decrypts. Nothing is written to `out` unless the tag is right.
   *
   * @param ciphertext with its tag
   * @param out receives the plaintext from `at` on, `ciphertext.length - 16` bytes
   * @returns the length of the plaintext, or -1 when the ciphertext was not sealed by this key, counter and data,
   *   or the key was wiped
   * @throws RangeError when the plaintext would not fit
   */
  open(
    counter: number,
    ciphertext: Uint8Array,
    associatedData: Uint8Array,
    out: Uint8Array,
    at: number,
  ): number;
  /** Overwrites the key; it neither seals nor opens anything afterwards. */
  wipe(): void;
}

/** An implementation of ChaCha20-Poly1305. */
export interface Aead {
  /** How the status names it. */
  readonly name: string;
  /**
   * @param bytes the 32-byte key, copied
   * @throws RangeError when the length is wrong
   */
  key(bytes: Uint8Array): AeadKey;
}
