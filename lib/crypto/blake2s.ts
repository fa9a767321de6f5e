/**
 * BLAKE2s (RFC 7693), HMAC over it (RFC 2104) and the key derivation of Noise and WireGuard.
 * @module
 */

import { BLOCK_BYTES, compress, IV } from "./blake2s_compress.ts";

/** Length of a hash in bytes. */
export const HASH_BYTES = 32;

// RFC 2104 §2: ipad and opad.
const INNER = 0x36;
const OUTER = 0x5c;

/** @returns the 32-byte hash of the joined `parts` */
export function blake2s(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(new Blake2sHash(HASH_BYTES), parts);
}

/**
 * Keyed BLAKE2s (RFC 7693 §2.9).
 * @param key 1 to 32 bytes
 * @param outBytes 16 for a WireGuard MAC, 32 for a key
 */
export function blake2sMac(key: Uint8Array, outBytes: 16 | 32, ...parts: readonly Uint8Array[]): Uint8Array {
  return digest(new Blake2sHash(outBytes, key), parts);
}

/** @returns the 32-byte HMAC-BLAKE2s (RFC 2104 §2) */
export function hmacBlake2s(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const pad = new Uint8Array(BLOCK_BYTES);
  pad.set(key.length > BLOCK_BYTES ? blake2s(key) : key);
  xorEach(pad, INNER);
  const inner = digest(new Blake2sHash(HASH_BYTES).update(pad), parts);
  xorEach(pad, INNER ^ OUTER);
  const outer = new Blake2sHash(HASH_BYTES).update(pad).update(inner).digest();
  pad.fill(0);
  return outer;
}

/**
 * HKDF as Noise defines it (Noise specification §4.3, WireGuard paper §5.4 "KDF").
 *
 * @param chainingKey 32 bytes
 * @param input any length, also none
 * @returns one to three outputs of 32 bytes
 */
export function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 1 | 2 | 3): Uint8Array[] {
  const temporary = hmacBlake2s(chainingKey, input);
  const derived: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  for (let i = 1; i <= outputs; i++) {
    previous = hmacBlake2s(temporary, previous, Uint8Array.of(i));
    derived.push(previous);
  }
  temporary.fill(0);
  return derived;
}

function digest(hash: Blake2sHash, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xorEach(bytes: Uint8Array, value: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ value;
}

const MAX_KEY_BYTES = 32;

/** Takes a message in parts. */
export class Blake2sHash {
  // Of 64 bytes at most, typed arrays come from the engine's own heap; larger ones cost more than the hash.
  readonly #state = IV.slice();
  readonly #words = new Int32Array(BLOCK_BYTES / 4);
  readonly #outBytes: number;
  #filledBytes = 0;
  #countBytes = 0;

  /**
   * @param outBytes length of the hash, 1 to 32
   * @param key 1 to 32 bytes, or none
   * @throws RangeError when the key is longer
   */
  constructor(outBytes: number, key?: Uint8Array) {
    const keyBytes = key?.length ?? 0;
    if (keyBytes > MAX_KEY_BYTES) {
      throw new RangeError(`Cannot take a key of ${keyBytes} bytes: ${MAX_KEY_BYTES} are the most`);
    }
    this.#outBytes = outBytes;
    // RFC 7693 §2.5: the lengths of hash and key, fanout 1, depth 1.
    this.#state[0] = (IV[0] ?? 0) ^ 0x0101_0000 ^ (keyBytes << 8) ^ outBytes;
    if (key === undefined || keyBytes === 0) return;
    this.update(key);
    // It fills a block of its own.
    this.#filledBytes = BLOCK_BYTES;
  }

  /** Adds to the message. @returns this */
  update(bytes: Uint8Array): this {
    const words = this.#words;
    let filled = this.#filledBytes;
    for (let at = 0; at < bytes.length; at++) {
      // The last block is mixed in as such, so a full one waits for what follows.
      if (filled === BLOCK_BYTES) {
        this.#mix(filled, false);
        filled = 0;
      }
      words[filled >> 2] = (words[filled >> 2] ?? 0) | (bytes[at] ?? 0) << ((filled & 3) << 3);
      filled++;
    }
    this.#filledBytes = filled;
    return this;
  }

  /** @returns the hash; nothing may be added any more, and no trace of key and message is left here */
  digest(): Uint8Array<ArrayBuffer> {
    this.#mix(this.#filledBytes, true);
    const out = new Uint8Array(this.#outBytes);
    for (let at = 0; at < out.length; at++) out[at] = (this.#state[at >> 2] ?? 0) >>> ((at & 3) << 3);
    this.#state.fill(0);
    return out;
  }

  #mix(filledBytes: number, isLast: boolean): void {
    this.#countBytes += filledBytes;
    compress(this.#state, this.#words, this.#countBytes, isLast);
    this.#words.fill(0);
  }
}
