/**
 * A part of the flow table: entries one behind the other in one array, found by open addressing with linear probing.
 *
 *     places   Int32Array, at most half full: the number of an entry + 1, or 0
 *     entries  Int32Array, 18 words each:
 *        0  family and protocol      1..4  who began     5..8  the other     9  their ports
 *       10  hash                      11  state           12  when it ends, in milliseconds (of 32 bits)
 *       13  decision                  14  generation      15  member
 *       16, 17  where each direction's sequence numbers are (TCP)
 *
 * @module
 */

/** Words of an entry. */
export const WORDS = 18;
/** Where in an entry its fields are. */
export const FIELD = {
  KIND: 0,
  SOURCE: 1,
  DESTINATION: 5,
  PORTS: 9,
  HASH: 10,
  STATE: 11,
  DEADLINE: 12,
  DECISION: 13,
  GENERATION: 14,
  MEMBER: 15,
  SEQUENCE: 16,
} as const;

const FIRST_ENTRIES = 16;

/** Entries are numbered from 0; the last one takes the number of one that is removed. */
export class FlowSegment {
  entries: Int32Array = new Int32Array(FIRST_ENTRIES * WORDS);
  #places: Int32Array = new Int32Array(FIRST_ENTRIES * 2);
  size = 0;
  /** Where the next look for what has ended begins. */
  hand = 0;

  /** Bytes of memory. */
  get memoryBytes(): number {
    return this.entries.byteLength + this.#places.byteLength;
  }

  /**
   * Finds a flow by either direction.
   * @param key the first 10 words of an entry, of the packet's direction
   * @returns its number and direction as `number * 2 + reverse`, or -1
   */
  find(key: Int32Array, hash: number): number {
    const places = this.#places;
    const entries = this.entries;
    const mask = places.length - 1;
    for (let place = spread(hash) & mask;; place = (place + 1) & mask) {
      const number = (places[place] ?? 0) - 1;
      if (number < 0) return -1;
      const at = number * WORDS;
      if (entries[at + FIELD.HASH] !== hash || entries[at] !== key[0]) continue;
      if (isForward(entries, at, key)) return number * 2;
      if (isReverse(entries, at, key)) return number * 2 + 1;
    }
  }

  /** Takes a flow that is not there. @returns its number */
  add(key: Int32Array, hash: number): number {
    const number = this.size++;
    if (number * WORDS === this.entries.length) this.#grow();
    const at = number * WORDS;
    const entries = this.entries;
    for (let i = 0; i < FIELD.HASH; i++) entries[at + i] = key[i] ?? 0;
    for (let i = FIELD.HASH; i < WORDS; i++) entries[at + i] = 0;
    entries[at + FIELD.HASH] = hash;
    this.#link(number, hash);
    return number;
  }

  /** Forgets a flow; the last one has its number then. */
  remove(number: number): void {
    this.#unlink(number);
    const last = --this.size;
    if (number === last) return;
    const place = this.#placeOf(last);
    this.entries.copyWithin(number * WORDS, last * WORDS, (last + 1) * WORDS);
    this.#places[place] = number + 1;
  }

  /** Gives memory back that a crowd has left. */
  shrink(): void {
    const room = this.entries.length / WORDS;
    if (room > FIRST_ENTRIES && this.size * 4 < room) this.#resize(Math.max(FIRST_ENTRIES, room / 2));
  }

  #link(number: number, hash: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let place = spread(hash) & mask;
    while (places[place] !== 0) place = (place + 1) & mask;
    places[place] = number + 1;
  }

  #placeOf(number: number): number {
    const places = this.#places;
    const mask = places.length - 1;
    let place = spread(this.entries[number * WORDS + FIELD.HASH] ?? 0) & mask;
    while (places[place] !== number + 1) place = (place + 1) & mask;
    return place;
  }

  /** Closes the gap, so that whoever comes behind is still found. */
  #unlink(number: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let hole = this.#placeOf(number);
    for (let place = (hole + 1) & mask; places[place] !== 0; place = (place + 1) & mask) {
      const home = spread(this.entries[((places[place] ?? 1) - 1) * WORDS + FIELD.HASH] ?? 0) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      places[hole] = places[place] ?? 0;
      hole = place;
    }
    places[hole] = 0;
  }

  #grow(): void {
    this.#resize(this.entries.length / WORDS * 2);
  }

  #resize(room: number): void {
    const entries = new Int32Array(room * WORDS);
    const kept = Math.min(this.size, this.entries.length / WORDS);
    entries.set(this.entries.subarray(0, kept * WORDS));
    this.entries = entries;
    this.#places = new Int32Array(room * 2);
    // The one that is being added is linked by whoever adds it.
    for (let number = 0; number < kept; number++) {
      this.#link(number, entries[number * WORDS + FIELD.HASH] ?? 0);
    }
  }
}

/** The same hash is looked at by other bits here than where the part was chosen by it. */
function spread(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 8;
}

function isForward(entries: Int32Array, at: number, key: Int32Array): boolean {
  for (let i = FIELD.PORTS; i > 0; i--) if (entries[at + i] !== key[i]) return false;
  return true;
}

function isReverse(entries: Int32Array, at: number, key: Int32Array): boolean {
  const ports = key[FIELD.PORTS] ?? 0;
  if (entries[at + FIELD.PORTS] !== ((ports << 16) | (ports >>> 16))) return false;
  for (let i = 0; i < 4; i++) {
    if (entries[at + FIELD.SOURCE + i] !== key[FIELD.DESTINATION + i]) return false;
    if (entries[at + FIELD.DESTINATION + i] !== key[FIELD.SOURCE + i]) return false;
  }
  return true;
}
