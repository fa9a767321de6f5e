/**
 * Hashes of addresses whose collisions nobody outside can choose: each byte picks a random word, and all are added without
 * carry (simple tabulation; Pătraşcu and Thorup, "The Power of Simple Tabulation Hashing", show that open addressing with
 * linear probing stays short with it).
 * @module
 */

import type { RandomSource } from "./random.ts";

/** A hash of up to so many words of 32 bits. */
export class TabulationHash {
  readonly #words: Int32Array;

  /** @param words how many words a key has at most; 4 KiB of memory each */
  constructor(random: RandomSource, words: number) {
    const bytes = new Uint8Array(words * 4 * 256 * 4);
    random.fill(bytes);
    this.#words = new Int32Array(bytes.buffer);
  }

  /** @param place which word of the key it is @returns what it adds to the hash, by exclusive or */
  word(place: number, value: number): number {
    const words = this.#words;
    const at = place << 10;
    return (words[at | (value & 0xff)] ?? 0) ^
      (words[at | 256 | ((value >>> 8) & 0xff)] ?? 0) ^
      (words[at | 512 | ((value >>> 16) & 0xff)] ?? 0) ^
      (words[at | 768 | (value >>> 24)] ?? 0);
  }
}
