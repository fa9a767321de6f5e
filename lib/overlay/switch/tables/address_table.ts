/**
 * What an IP address of a network belongs to, by a number: a binding, or a multicast group.
 * @module
 */

import { type RandomSource, TabulationHash } from "../../../base/mod.ts";
import type { IpAddress } from "../../../net/mod.ts";

const FIRST_PLACES = 64;
/** Words of a place: the network with the family, four of the address, the number + 1 or 0. */
const WORDS = 6;
const VALUE = 5;

/** Open addressing with linear probing, at most half full. Networks are numbers of 16 bits. */
export class AddressTable {
  readonly #hash: TabulationHash;
  #places: Int32Array = new Int32Array(FIRST_PLACES * WORDS);
  #mask = FIRST_PLACES - 1;
  #size = 0;

  /** @param random what collides is drawn from it */
  constructor(random: RandomSource) {
    this.#hash = new TabulationHash(random, 5);
  }

  /** How many addresses there are. */
  get size(): number {
    return this.#size;
  }

  /** How much memory the places take, in bytes. */
  get memoryBytes(): number {
    return this.#places.byteLength;
  }

  /** @param at where the address begins, of 4 or 16 bytes @returns the number, or -1 */
  find(network: number, bytes: Uint8Array, at: number, addressBytes: number): number {
    if (addressBytes === 4) return this.#get(network << 1, 0, 0, 0, wordAt(bytes, at));
    return this.#get(
      (network << 1) | 1,
      wordAt(bytes, at),
      wordAt(bytes, at + 4),
      wordAt(bytes, at + 8),
      wordAt(bytes, at + 12),
    );
  }

  /** @param value at least 0; it replaces what the address had */
  set(network: number, { bytes }: Pick<IpAddress, "bytes">, value: number): void {
    if (2 * (this.#size + 1) > this.#mask + 1) this.#grow();
    const at = this.#placeOf(network, bytes);
    if (this.#places[at + VALUE] === 0) this.#size++;
    this.#places[at + VALUE] = value + 1;
  }

  /** Forgets an address. */
  delete(network: number, { bytes }: Pick<IpAddress, "bytes">): void {
    const places = this.#places;
    let hole = this.#placeOf(network, bytes);
    if (places[hole + VALUE] === 0) return;
    this.#size--;
    const length = places.length;
    for (let at = (hole + WORDS) % length; places[at + VALUE] !== 0; at = (at + WORDS) % length) {
      const home = (this.#hashIn(places, at) & this.#mask) * WORDS;
      if ((at - home + length) % length < (at - hole + length) % length) continue;
      places.copyWithin(hole, at, at + WORDS);
      hole = at;
    }
    places[hole + VALUE] = 0;
  }

  /** Where the address is, or the free place where it belongs, with its key written there. */
  #placeOf(network: number, bytes: Uint8Array): number {
    const isLong = bytes.length === 16;
    const places = this.#places;
    const a = isLong ? wordAt(bytes, 0) : 0;
    const b = isLong ? wordAt(bytes, 4) : 0;
    const c = isLong ? wordAt(bytes, 8) : 0;
    const d = wordAt(bytes, bytes.length - 4);
    const key = (network << 1) | (isLong ? 1 : 0);
    let place = this.#hashOf(key, a, b, c, d) & this.#mask;
    for (;; place = (place + 1) & this.#mask) {
      const at = place * WORDS;
      if (places[at + VALUE] === 0) {
        places[at] = key;
        places[at + 1] = a;
        places[at + 2] = b;
        places[at + 3] = c;
        places[at + 4] = d;
        return at;
      }
      if (this.#isAt(at, key, a, b, c, d)) return at;
    }
  }

  #get(key: number, a: number, b: number, c: number, d: number): number {
    if (this.#size === 0) return -1;
    const places = this.#places;
    for (let place = this.#hashOf(key, a, b, c, d) & this.#mask;; place = (place + 1) & this.#mask) {
      const at = place * WORDS;
      const value = places[at + VALUE] ?? 0;
      if (value === 0) return -1;
      if (this.#isAt(at, key, a, b, c, d)) return value - 1;
    }
  }

  #isAt(at: number, key: number, a: number, b: number, c: number, d: number): boolean {
    const places = this.#places;
    return places[at + 4] === d && places[at] === key && places[at + 1] === a && places[at + 2] === b &&
      places[at + 3] === c;
  }

  #hashOf(key: number, a: number, b: number, c: number, d: number): number {
    const hash = this.#hash;
    const short = hash.word(0, key) ^ hash.word(4, d);
    return (key & 1) === 0 ? short : short ^ hash.word(1, a) ^ hash.word(2, b) ^ hash.word(3, c);
  }

  #hashIn(places: Int32Array, at: number): number {
    return this.#hashOf(
      places[at] ?? 0,
      places[at + 1] ?? 0,
      places[at + 2] ?? 0,
      places[at + 3] ?? 0,
      places[at + 4] ?? 0,
    );
  }

  #grow(): void {
    const former = this.#places;
    this.#places = new Int32Array(2 * former.length);
    this.#mask = 2 * this.#mask + 1;
    for (let from = 0; from < former.length; from += WORDS) {
      if (former[from + VALUE] === 0) continue;
      let place = this.#hashIn(former, from) & this.#mask;
      while (this.#places[place * WORDS + VALUE] !== 0) place = (place + 1) & this.#mask;
      this.#places.set(former.subarray(from, from + WORDS), place * WORDS);
    }
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0);
}
