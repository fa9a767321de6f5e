/**
 * ChaCha20-Poly1305 (RFC 8439) as a port, with the nonce that WireGuard and Noise use: a counter; and what all its keys
 * check, whoever computes the cipher: lengths, counters, and that nothing is sealed or opened by a key that is gone.
 * @module
 */

import { KEY_BYTES } from "./secret.ts";

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
   * @param isBorrowed whether it is not copied, but used where it is: its owner changes it, and wipes it
   * @throws RangeError when the length is wrong
   */
  key(bytes: Uint8Array, isBorrowed?: boolean): AeadKey;
}

/** The cipher of RFC 8439 §2.8 with an explicit nonce; lengths and room in `out` have been checked. */
export interface NonceCipher {
  /** Writes `plaintext.length + 16` bytes to `out` from `at` on. */
  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    associatedData: Uint8Array,
    out: Uint8Array,
    at: number,
  ): void;
  /**
   * Writes `ciphertext.length - 16` bytes to `out` from `at` on, and nothing unless the tag is right.
   * @returns whether it is
   */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    associatedData: Uint8Array,
    out: Uint8Array,
    at: number,
  ): boolean;
}

/** A key whose nonces are counters. */
export class CounterKey implements AeadKey {
  readonly #key: Uint8Array;
  readonly #cipher: NonceCipher;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  #isWiped = false;

  /**
   * @param key 32 bytes, copied unless it is borrowed
   * @throws RangeError when the length is wrong
   */
  constructor(key: Uint8Array, cipher: NonceCipher, isBorrowed = false) {
    if (key.length !== KEY_BYTES) {
      throw new RangeError(`Cannot make a cipher key of ${key.length} bytes: it has ${KEY_BYTES}`);
    }
    this.#key = isBorrowed ? key : key.slice();
    this.#cipher = cipher;
  }

  seal(counter: number, plaintext: Uint8Array, data: Uint8Array, out: Uint8Array, at: number): number {
    if (this.#isWiped) throw new TypeError("Cannot seal by a key that was wiped");
    // A counter that rounds or wraps would use a nonce twice, which gives the key stream away.
    if (!isCounter(counter)) throw new RangeError(`Cannot seal as number ${counter}: it is no safe integer`);
    const length = plaintext.length + TAG_BYTES;
    checkRoom(out, at, length);
    writeCounterNonce(this.#nonce, counter);
    this.#cipher.seal(this.#key, this.#nonce, plaintext, data, out, at);
    return length;
  }

  open(counter: number, ciphertext: Uint8Array, data: Uint8Array, out: Uint8Array, at: number): number {
    const length = ciphertext.length - TAG_BYTES;
    // The counter comes from the other end. A wiped key is all zeros, under which anybody can seal.
    if (length < 0 || this.#isWiped || !isCounter(counter)) return -1;
    checkRoom(out, at, length);
    writeCounterNonce(this.#nonce, counter);
    return this.#cipher.open(this.#key, this.#nonce, ciphertext, data, out, at) ? length : -1;
  }

  /** Writes the key to `memory` at `at`, for whoever works on that. @returns false when it was wiped */
  copyTo(memory: Uint8Array, at: number): boolean {
    if (!this.#isWiped) memory.set(this.#key, at);
    return !this.#isWiped;
  }

  wipe(): void {
    this.#key.fill(0);
    this.#isWiped = true;
  }
}

function isCounter(counter: number): boolean {
  return Number.isSafeInteger(counter) && counter >= 0;
}

function checkRoom(out: Uint8Array, at: number, length: number): void {
  if (at < 0 || at + length > out.length) {
    throw new RangeError(`Cannot write ${length} bytes from ${at} on: there is room for ${out.length}`);
  }
}

/** Writes the nonce of a counter: four zero bytes and 64 bits, little-endian (WireGuard paper §5.4.6). */
export function writeCounterNonce(nonce: Uint8Array, counter: number): void {
  let low = counter % 0x1_0000_0000;
  let high = (counter - low) / 0x1_0000_0000;
  for (let i = 4; i < 8; i++) {
    nonce[i] = low & 255;
    low >>>= 8;
  }
  for (let i = 8; i < 12; i++) {
    nonce[i] = high & 255;
    high >>>= 8;
  }
}
