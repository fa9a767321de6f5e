/**
 * One computation of BLAKE2s, keyed or not (RFC 7693 §3.3).
 * @module
 */

import { BLOCK_BYTES, compress, IV } from "./blake2s_compress.ts";

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
