/**
 * Numbers by lot, many of them.
 * @module
 */

import { type RandomSource, SeededRandom } from "../base/mod.ts";

const BUFFER_BYTES = 4096;

/** A repeatable source that is drawn from for every message of a simulation. */
export class Dice implements RandomSource {
  readonly #random: SeededRandom;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #words = new Uint32Array(this.#buffer.buffer);
  #at = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#random.fill(this.#buffer);
  }

  fill(out: Uint8Array): void {
    this.#random.fill(out);
  }

  /** @returns a number in [0, 1) with 32 bits of resolution */
  fraction(): number {
    if (this.#at === this.#words.length) {
      this.#random.fill(this.#buffer);
      this.#at = 0;
    }
    return (this.#words[this.#at++] as number) / 0x1_0000_0000;
  }

  /** @returns a whole number from 0 to below `count` */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }
}
