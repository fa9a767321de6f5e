/**
 * Responses by the keys of their questions, in a piece of memory of fixed size.
 * @module
 */

import { type DnsCounter, HEADER_BYTES } from "../dns/mod.ts";
import type { QuestionKey } from "./question_key.ts";

/** A power of two; at most half of them are taken, so that searches are short. */
const BUCKETS = 1 << 15;
const MAX_ENTRIES = BUCKETS / 2;
/** Lengths of key and response. */
const ENTRY_HEADER_BYTES = 4;

/** When it is full, it starts anew: what is asked for often is back at once. */
export class AnswerTable {
  /** Where the response that was found lies. */
  foundAt = 0;
  foundBytes = 0;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #hashes = new Int32Array(BUCKETS);
  /** Where the entry lies; 0 for none. */
  readonly #entries = new Int32Array(BUCKETS);
  #next: number;
  #count = 0;

  /** Keeps its responses in `bytes`, from `start` to `end`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    // An entry at 0 would look like none.
    this.#start = this.#next = Math.max(start, 1);
    this.#end = end;
  }

  /** How many responses it has. */
  get size(): number {
    return this.#count;
  }

  /** @returns whether there is a response, at `foundAt` */
  find(key: QuestionKey): boolean {
    const { hash, length } = key;
    for (let bucket = hash & (BUCKETS - 1);; bucket = (bucket + 1) & (BUCKETS - 1)) {
      const entry = this.#entries[bucket] ?? 0;
      if (entry === 0) return false;
      if (this.#hashes[bucket] !== hash || !this.#isOf(entry, key)) continue;
      this.foundAt = entry + ENTRY_HEADER_BYTES + length;
      this.foundBytes = this.#uint16(entry + 2);
      return true;
    }
  }

  /** Keeps a response; one that is there is left as it is. */
  put(key: QuestionKey, response: Uint8Array): void {
    const needed = ENTRY_HEADER_BYTES + key.length + response.length;
    if (response.length < HEADER_BYTES || needed > this.#end - this.#start || this.find(key)) return;
    if (this.#count === MAX_ENTRIES || this.#next + needed > this.#end) this.clear();
    const entry = this.#next;
    this.#next += needed;
    const bytes = this.#bytes;
    bytes[entry] = key.length >> 8;
    bytes[entry + 1] = key.length & 255;
    bytes[entry + 2] = response.length >> 8;
    bytes[entry + 3] = response.length & 255;
    bytes.set(key.bytes.subarray(0, key.length), entry + ENTRY_HEADER_BYTES);
    bytes.set(response, entry + ENTRY_HEADER_BYTES + key.length);
    let bucket = key.hash & (BUCKETS - 1);
    while (this.#entries[bucket] !== 0) bucket = (bucket + 1) & (BUCKETS - 1);
    this.#hashes[bucket] = key.hash;
    this.#entries[bucket] = entry;
    this.#count++;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#count === 0) return;
    this.#entries.fill(0);
    this.#count = 0;
    this.#next = this.#start;
  }

  #isOf(entry: number, { bytes: key, length }: QuestionKey): boolean {
    if (this.#uint16(entry) !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[entry + ENTRY_HEADER_BYTES + i] !== key[i]) return false;
    return true;
  }

  #uint16(at: number): number {
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }
}

const TRUNCATED = 0x02;
/** By the code of a response that lasts. */
const CODE_COUNTERS: readonly DnsCounter[] = [
  "noerror",
  "formerr",
  "servfail",
  "nxdomain",
  "notimp",
  "refused",
];

/** Counts a response that was given again. */
export function countRepeated(flags: number, code: number, count: (counter: DnsCounter) => void): void {
  count(CODE_COUNTERS[code & 15] ?? "servfail");
  if ((flags & TRUNCATED) !== 0) count("truncated");
}
