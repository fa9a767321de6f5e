/**
 * What has been answered already, so that a request that comes again does not run again.
 * @module
 */

import { ShortLivedMap } from "../../base/mod.ts";

/** What is known of a request's number. */
export type Seen =
  /** Never seen. */
  | { readonly kind: "new" }
  /** It runs. */
  | { readonly kind: "running" }
  /** It was answered so. */
  | { readonly kind: "answered"; readonly answer: Uint8Array }
  /** It may have run, and what it was answered is forgotten. */
  | { readonly kind: "forgotten" };

/** How many answers one caller's window holds. */
export const MAX_ANSWERS = 4_096;
/** How many bytes of answers one caller's window holds. */
export const MAX_ANSWER_BYTES: number = 1 << 20;

const FIRST_ANSWERS = 64;
const FIRST_BYTES = 4_096;
/** Of how many numbers one page says which have ended, a bit each. */
const PAGE_NUMBERS = 8_192;
/** So that the last 1,048,576 numbers are known one by one: a caller has 65,536 calls under way at most. */
const MAX_PAGES = 128;
/** What a caller that has been silent for long keeps of them. */
const IDLE_PAGES = 16;
/** How many numbers that have not begun are known for longer than that. */
const MAX_UNBEGUN = 1_024;

const NEW: Seen = { kind: "new" };
const RUNNING: Seen = { kind: "running" };
const FORGOTTEN: Seen = { kind: "forgotten" };

/**
 * The requests of one run of one caller. Which numbers have ended it knows one by one, by pages of bits, for much longer
 * than their answers: one that comes late, since its parameters are long or its link was away, is not taken for one that
 * was answered. Only what is below the oldest page counts as forgotten, unless it has announced itself before: so nothing
 * runs twice, however late it comes, and memory is bounded.
 *
 * It is on the path of every call, and makes no objects: an answer's place follows from its number, and its bytes are in
 * a ring.
 */
export class DedupWindow {
  readonly #running = new ShortLivedMap<number, true>();
  /** Numbers that are known not to have run: their parameters are on their way, or broke off. The oldest is forgotten. */
  readonly #unbegun = new Set<number>();
  /** By number divided by `PAGE_NUMBERS`: which have ended. */
  readonly #pages = new Map<number, Uint8Array>();
  /** By place: whose answer is there, 0 for nobody's; where it begins in all that was ever written; how long it is. */
  #numbers = new Float64Array(FIRST_ANSWERS);
  #starts = new Float64Array(FIRST_ANSWERS);
  #lengths = new Uint32Array(FIRST_ANSWERS);
  #ring = new Uint8Array(FIRST_BYTES);
  #written = 0;
  /** Numbers up to here are on no page. */
  #forgottenUpTo = 0;

  /** Looks a number up, and marks it as running when it is new. */
  begin(number: number): Seen {
    if (this.#running.has(number)) return RUNNING;
    const place = number % this.#numbers.length;
    if (this.#numbers[place] === number) return this.#read(place);
    if (this.#hasEnded(number)) return FORGOTTEN;
    if (!this.#unbegun.delete(number) && number <= this.#forgottenUpTo) return FORGOTTEN;
    this.#running.set(number, true);
    return NEW;
  }

  /** It did not run after all, or does not yet, and may come again, however many others have ended by then. */
  release(number: number): void {
    if (!this.#running.delete(number)) return;
    this.#unbegun.add(number);
    if (this.#unbegun.size <= MAX_UNBEGUN) return;
    for (const oldest of this.#unbegun) {
      this.#unbegun.delete(oldest);
      break;
    }
  }

  /** It was answered. @param answer is copied; an empty one stands for one that is too large to be kept */
  finish(number: number, answer: Uint8Array): void {
    this.#running.delete(number);
    this.#unbegun.delete(number);
    this.#markEnded(number);
    while (this.#isTaken(number) && this.#numbers.length < MAX_ANSWERS) this.#widen();
    const place = number % this.#numbers.length;
    const former = this.#numbers[place] ?? 0;
    // Of two at one place the later one stays.
    if (former > number) return;
    this.#numbers[place] = number;
    this.#starts[place] = this.#written;
    this.#lengths[place] = answer.length;
    this.#write(answer);
  }

  /** How many bytes it takes. */
  get memoryBytes(): number {
    const places = this.#numbers.byteLength + this.#starts.byteLength + this.#lengths.byteLength;
    return this.#ring.length + places + this.#pages.size * PAGE_NUMBERS / 8;
  }

  /** How many bytes of answers it was ever given; the same means that there were none meanwhile. */
  get writtenBytes(): number {
    return this.#written;
  }

  /** Forgets all answers and gives their room back; a number that was answered counts as forgotten, no other does. */
  shrink(): void {
    this.#keepPages(IDLE_PAGES);
    this.#numbers = new Float64Array(FIRST_ANSWERS);
    this.#starts = new Float64Array(FIRST_ANSWERS);
    this.#lengths = new Uint32Array(FIRST_ANSWERS);
    this.#ring = new Uint8Array(FIRST_BYTES);
    this.#written = 0;
  }

  #hasEnded(number: number): boolean {
    const page = this.#pages.get(Math.floor(number / PAGE_NUMBERS));
    if (page === undefined) return false;
    const at = number % PAGE_NUMBERS;
    return ((page[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  #markEnded(number: number): void {
    if (number <= this.#forgottenUpTo) return;
    const index = Math.floor(number / PAGE_NUMBERS);
    let page = this.#pages.get(index);
    if (page === undefined) this.#pages.set(index, page = new Uint8Array(PAGE_NUMBERS / 8));
    const at = number % PAGE_NUMBERS;
    page[at >> 3] = (page[at >> 3] ?? 0) | (1 << (at & 7));
    if (this.#pages.size > MAX_PAGES) this.#keepPages(MAX_PAGES);
  }

  /** Gives the oldest up. */
  #keepPages(count: number): void {
    while (this.#pages.size > count) {
      let oldest = Infinity;
      for (const index of this.#pages.keys()) oldest = Math.min(oldest, index);
      this.#pages.delete(oldest);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, (oldest + 1) * PAGE_NUMBERS - 1);
    }
  }

  #isTaken(number: number): boolean {
    const former = this.#numbers[number % this.#numbers.length];
    return former !== 0 && former !== number;
  }

  #read(place: number): Seen {
    const length = this.#lengths[place] ?? 0;
    const start = this.#starts[place] ?? 0;
    if (length === 0 || this.#written - start > this.#ring.length) return FORGOTTEN;
    const answer = new Uint8Array(length);
    for (let i = 0; i < length; i++) answer[i] = this.#ring[(start + i) % this.#ring.length] ?? 0;
    return { kind: "answered", answer };
  }

  #write(bytes: Uint8Array): void {
    while (this.#ring.length < MAX_ANSWER_BYTES && this.#written + bytes.length > this.#ring.length) {
      this.#lengthen();
    }
    const at = this.#written % this.#ring.length;
    const first = Math.min(bytes.length, this.#ring.length - at);
    this.#ring.set(first === bytes.length ? bytes : bytes.subarray(0, first), at);
    if (first < bytes.length) this.#ring.set(bytes.subarray(first), 0);
    this.#written += bytes.length;
  }

  /** As long as it grows nothing has been overwritten, so that everything stays where it is. */
  #lengthen(): void {
    const longer = new Uint8Array(2 * this.#ring.length);
    longer.set(this.#ring);
    this.#ring = longer;
  }

  #widen(): void {
    const [numbers, starts, lengths] = [this.#numbers, this.#starts, this.#lengths];
    this.#numbers = new Float64Array(2 * numbers.length);
    this.#starts = new Float64Array(2 * numbers.length);
    this.#lengths = new Uint32Array(2 * numbers.length);
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] ?? 0;
      if (number === 0) continue;
      const place = number % this.#numbers.length;
      this.#numbers[place] = number;
      this.#starts[place] = starts[i] ?? 0;
      this.#lengths[place] = lengths[i] ?? 0;
    }
  }
}
