/**
 * Which questions of a member are new. Their numbers rise with its time of day; who repeats one that he has overheard is
 * not to be taken for the member at another place.
 * @module
 */

/** How late a question may come behind a later one, in milliseconds of its sender. */
const REORDER_MS = 2_000;
/** So many numbers are remembered. */
const MAX_SEEN = 256;

/** A number that is new, that has been there already, or that is too old to tell. */
export type AskedBefore = "fresh" | "repeated" | "old";

/** The numbers of one member's questions. */
export class FreshAsks {
  readonly #window: number;
  readonly #seen = new Set<number>();
  #highest = -Infinity;

  /** @param countersPerMs how fast the numbers rise */
  constructor(countersPerMs: number) {
    this.#window = REORDER_MS * countersPerMs;
  }

  /** Takes a number that is authentic. */
  take(counter: number): AskedBefore {
    if (this.#seen.has(counter)) return "repeated";
    if (counter < this.#highest - this.#window) return "old";
    this.#seen.add(counter);
    const [oldest] = this.#seen;
    if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest);
    this.#highest = Math.max(this.#highest, counter);
    return "fresh";
  }
}
