/**
 * Randomness behind an interface: the core draws bytes only from the source that it was handed.
 * @module
 */

/** A source of random bytes; keys need a cryptographic one. */
export interface RandomSource {
  /** Overwrites all of `out` with random bytes. */
  fill(out: Uint8Array): void;
}

/** Draws `lengthBytes` fresh bytes. */
export function randomBytes(random: RandomSource, lengthBytes: number): Uint8Array {
  const out = new Uint8Array(lengthBytes);
  random.fill(out);
  return out;
}

// Nothing is made for a number: gossip and timers draw them all the time.
const word = new Uint8Array(4);
const wordView = new DataView(word.buffer);

/** Draws an unsigned 32-bit integer. */
export function randomUint32(random: RandomSource): number {
  random.fill(word);
  return wordView.getUint32(0, true);
}

/** Draws a number in [0, 1) with 32 bits of resolution. */
export function randomFraction(random: RandomSource): number {
  return randomUint32(random) / 0x1_0000_0000;
}

/**
 * A repeatable source (xorshift128 seeded by splitmix32) for simulations. Never for keys.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { randomUint32, SeededRandom } from "./random.ts";
 * assert.ok(randomUint32(new SeededRandom(7)) === randomUint32(new SeededRandom(7)));
 * ```
 */
export class SeededRandom implements RandomSource {
  readonly #state = new Uint32Array(4);

  /** @param seed any integer; its low 32 bits count */
  constructor(seed: number) {
    let mix = seed | 0;
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) | 0;
      let word = mix ^ (mix >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word ^= word >>> 15;
      word = Math.imul(word, 0x735a2d97);
      this.#state[i] = word ^ (word >>> 15);
    }
  }

  fill(out: Uint8Array): void {
    for (let i = 0; i < out.length; i++) out[i] = this.#next() >>> 24;
  }

  #next(): number {
    const state = this.#state as unknown as [number, number, number, number];
    let word = state[3];
    const first = state[0];
    state[3] = state[2];
    state[2] = state[1];
    state[1] = first;
    word ^= word << 11;
    word ^= word >>> 8;
    state[0] = word ^ first ^ (first >>> 19);
    return state[0] >>> 0;
  }
}
