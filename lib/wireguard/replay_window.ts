/**
 * Which counters of a session have been seen (WireGuard paper §5.4.6, RFC 6479).
 * @module
 */

/** As the reference; the ring below has 8,192 bits, so that clearing whole words never reaches into the window. */
const WINDOW_COUNTERS = 8_128;
const WORDS = 256;
const WORD_MASK = WORDS - 1;

/** A sliding window over the greatest counter: every counter is accepted once, and not when it is too old. */
export class ReplayWindow {
  readonly #seen = new Int32Array(WORDS);
  #greatest = -1;

  /** @returns whether `counter` may still be accepted; it is not remembered */
  isFresh(counter: number): boolean {
    if (counter > this.#greatest) return true;
    if (this.#greatest - counter >= WINDOW_COUNTERS) return false;
    const word = this.#seen[Math.floor(counter / 32) & WORD_MASK] ?? 0;
    return (word & (1 << (counter & 31))) === 0;
  }

  /** Remembers `counter`, which is fresh and whose packet is authentic. */
  accept(counter: number): void {
    const at = Math.floor(counter / 32);
    if (counter > this.#greatest) {
      const current = Math.floor(Math.max(0, this.#greatest) / 32);
      const cleared = Math.min(at - current, WORDS);
      for (let i = 1; i <= cleared; i++) this.#seen[(current + i) & WORD_MASK] = 0;
      this.#greatest = counter;
    }
    const index = at & WORD_MASK;
    this.#seen[index] = (this.#seen[index] ?? 0) | (1 << (counter & 31));
  }
}
