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
export const MAX_ANSWERS = 8_192;
/** How many bytes of answers one caller's window holds. */
export const MAX_ANSWER_BYTES: number = 1 << 21;

const NEW: Seen = { kind: "new" };
const RUNNING: Seen = { kind: "running" };
const FORGOTTEN: Seen = { kind: "forgotten" };

/**
 * The requests of one run of one caller. A number that is not above all that were forgotten counts as forgotten: so
 * nothing runs twice, however late it comes, and memory is bounded.
 */
export class DedupWindow {
  /** In the order in which they were answered. */
  readonly #answers = new Map<number, Uint8Array>();
  readonly #running = new Set<number>();
  #bytes = 0;
  #forgottenUpTo = 0;

  /** Looks a number up, and marks it as running when it is new. */
  begin(number: number): Seen {
    if (this.#running.has(number)) return RUNNING;
    const answer = this.#answers.get(number);
    if (answer !== undefined) return answer.length === 0 ? FORGOTTEN : { kind: "answered", answer };
    if (number <= this.#forgottenUpTo) return FORGOTTEN;
    this.#running.add(number);
    return NEW;
  }

  /** It did not run after all, and may come again. */
  release(number: number): void {
    this.#running.delete(number);
  }

  /** It was answered; an answer that is too large to be kept is an empty one. */
  finish(number: number, answer: Uint8Array): void {
    this.#running.delete(number);
    this.#answers.set(number, answer);
    this.#bytes += answer.length;
    while (this.#answers.size > MAX_ANSWERS || this.#bytes > MAX_ANSWER_BYTES) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const [number, answer] of this.#answers) {
      this.#answers.delete(number);
      this.#bytes -= answer.length;
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, number);
      return;
    }
  }
}
