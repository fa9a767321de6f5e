/**
 * A key with its counter (Noise specification §5.1).
 * @module
 */

import {
  type Aead,
  type AeadKey,
  type CutText,
  type MultiBufferCipher,
  nobleAead,
  TAG_BYTES,
} from "../crypto/mod.ts";

const NO_DATA = new Uint8Array(0);

// Noise specification §5.1 reserves 2^64-1 for rekey.
// DEVIATION: counters end at 2^53-1, the largest safe integer; no channel lives that long.
const MAX_COUNTER = Number.MAX_SAFE_INTEGER;

/** Encrypts or decrypts one direction, in order. */
export class CipherState {
  readonly #aead: Aead;
  #keyBytes: Uint8Array;
  #key: AeadKey;
  #counter = 0;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array, aead: Aead = nobleAead) {
    this.#aead = aead;
    this.#keyBytes = key.slice();
    this.#key = aead.key(key);
  }

  /**
   * @returns ciphertext and tag
   * @throws RangeError when the key has been used 2^53 - 1 times
   */
  encrypt(associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const out = new Uint8Array(plaintext.length + TAG_BYTES);
    this.encryptInto(associatedData, plaintext, out, 0);
    return out;
  }

  /**
   * Writes ciphertext and tag to `out` from `at` on, `plaintext.length + 16` bytes; the two may not overlap.
   * @returns how many bytes were written
   * @throws RangeError when the key has been used 2^53 - 1 times, or the output does not fit
   */
  encryptInto(associatedData: Uint8Array, plaintext: Uint8Array, out: Uint8Array, at: number): number {
    if (this.#counter >= MAX_COUNTER) throw new RangeError("Cannot encrypt: the key is used up");
    return this.#key.seal(this.#counter++, plaintext, associatedData, out, at);
  }

  /**
   * Encrypts the pieces of a text as so many messages without associated data.
   * @param cipher does it; its parameters are those of `MultiBufferCipher.seal`
   * @returns where they end in `out`
   * @throws RangeError when the key has been used 2^53 - 1 times, or the output does not fit
   */
  encryptPieces(cipher: MultiBufferCipher, cut: CutText, out: Uint8Array, at: number): number {
    const count = Math.ceil(cut.text.length / cut.pieceBytes);
    if (this.#counter > MAX_COUNTER - count) throw new RangeError("Cannot encrypt: the key is used up");
    const first = this.#counter;
    // Counters are used up before anything is sealed by them: no fault has one be used twice.
    this.#counter += count;
    return cipher.seal(this.#key, first, cut, out, at);
  }

  /**
   * Opens what was placed in `cipher`, up to the first that was not sealed by the next message of the other side.
   * @param out has room for the plaintexts, which are written one behind the other
   * @returns how many messages were opened, and how many bytes were written
   */
  decryptPlaced(cipher: MultiBufferCipher, out: Uint8Array): { messages: number; bytes: number } {
    const opened = cipher.openPlaced(this.#key, this.#counter, out);
    this.#counter += opened.messages;
    return opened;
  }

  /** @returns the plaintext, or undefined when it was not sealed by the next message of the other side */
  decrypt(associatedData: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (ciphertext.length < TAG_BYTES) return undefined;
    const out = new Uint8Array(ciphertext.length - TAG_BYTES);
    return this.decryptInto(associatedData, ciphertext, out, 0) < 0 ? undefined : out;
  }

  /**
   * Writes the plaintext to `out` from `at` on, `ciphertext.length - 16` bytes.
   * @returns how many bytes were written, or -1 when it was not sealed by the next message of the other side
   * @throws RangeError when the plaintext would not fit
   */
  decryptInto(associatedData: Uint8Array, ciphertext: Uint8Array, out: Uint8Array, at: number): number {
    if (this.#counter >= MAX_COUNTER) return -1;
    const length = this.#key.open(this.#counter, ciphertext, associatedData, out, at);
    // A failed decryption leaves the counter where it was (Noise specification §5.1, DecryptWithAd).
    if (length >= 0) this.#counter++;
    return length;
  }

  /** Replaces the key by a one-way function of it; the counter goes on (Noise specification §4.2, §11.3). */
  rekey(): void {
    const next = rekeyedBytes(this.#aead, this.#keyBytes);
    this.wipe();
    this.#keyBytes = next;
    this.#key = this.#aead.key(next);
  }

  /** @returns a cipher at the same place that goes its own way */
  clone(): CipherState {
    const copy = new CipherState(this.#keyBytes, this.#aead);
    copy.#counter = this.#counter;
    return copy;
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#keyBytes.fill(0);
    this.#key.wipe();
  }
}

// REKEY(k) is the first 32 bytes of ENCRYPT(k, 2^64-1, zerolen, 32 zero bytes); the nonce 2^64-1 is no safe integer,
// so the port can't carry it.
// DEVIATION: 2^53-1, the end of our counters, takes its place. Both ends have to do so (docs/protocol/channel.md).
function rekeyedBytes(aead: Aead, key: Uint8Array): Uint8Array {
  const out = new Uint8Array(32 + TAG_BYTES);
  aead.key(key).seal(MAX_COUNTER, new Uint8Array(32), NO_DATA, out, 0);
  return out.slice(0, 32);
}
