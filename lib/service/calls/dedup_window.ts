/**
 * What has been answered already, so that a request that comes again does not run again.
 * @module
 */

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

const NEW: Seen = { kind: "new" };
const RUNNING: Seen = { kind: "running" };
const FORGOTTEN: Seen = { kind: "forgotten" };

/**
 * The requests of one run of one caller. A number that is not above all that were forgotten counts as forgotten: so
 * nothing runs twice, however late it comes, and memory is bounded.
 *
 * It is on the path of every call, and makes no objects: an answer's place follows from its number, and its bytes are in
 * a ring.
 */
export class DedupWindow {
  readonly #running = new Set<number>();
  /** By place: whose answer is there, 0 for nobody's; where it begins in all that was ever written; how long it is. */
  #numbers = new Float64Array(FIRST_ANSWERS);
  #starts = new Float64Array(FIRST_ANSWERS);
  #lengths = new Uint32Array(FIRST_ANSWERS);
  #ring = new Uint8Array(FIRST_BYTES);
  #written = 0;
  #forgottenUpTo = 0;

  /** Looks a number up, and marks it as running when it is new. */
  begin(number: number): Seen {
    if (this.#running.has(number)) return RUNNING;
    const place = number % this.#numbers.length;
    if (this.#numbers[place] === number) return this.#read(place);
    if (number <= this.#forgottenUpTo) return FORGOTTEN;
    this.#running.add(number);
    return NEW;
  }

  /** It did not run after all, and may come again. */
  release(number: number): void {
    this.#running.delete(number);
  }

  /** It was answered. @param answer is copied; an empty one stands for one that is too large to be kept */
  finish(number: number, answer: Uint8Array): void {
    this.#running.delete(number);
    while (this.#isTaken(number) && this.#numbers.length < MAX_ANSWERS) this.#widen();
    const place = number % this.#numbers.length;
    const former = this.#numbers[place] ?? 0;
    // Of two at one place the later one stays.
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, Math.min(former, number));
    if (former > number) return;
    this.#numbers[place] = number;
    this.#starts[place] = this.#written;
    this.#lengths[place] = answer.length;
    this.#write(answer);
  }

  /** How many bytes it takes. */
  get memoryBytes(): number {
    return this.#ring.length + this.#numbers.byteLength + this.#starts.byteLength + this.#lengths.byteLength;
  }

  /** How many bytes of answers it was ever given; the same means that there were none meanwhile. */
  get writtenBytes(): number {
    return this.#written;
  }

  /** Forgets all answers and gives their room back; a number that was answered counts as forgotten. */
  shrink(): void {
    for (const number of this.#numbers) this.#forgottenUpTo = Math.max(this.#forgottenUpTo, number);
    this.#numbers = new Float64Array(FIRST_ANSWERS);
    this.#starts = new Float64Array(FIRST_ANSWERS);
    this.#lengths = new Uint32Array(FIRST_ANSWERS);
    this.#ring = new Uint8Array(FIRST_BYTES);
    this.#written = 0;
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
