/**
 * A bound on bytes a second that drops what is above, and makes nothing for a datagram.
 * @module
 */

/** How much may come at once, as a part of a second's bytes: what a queue of a router holds. */
const BURST_SECONDS = 0.05;
/** A batch of the longest datagrams; a smaller burst would let none of them through. */
const LEAST_BURST_BYTES = 131_072;

/** A token bucket of bytes. */
export class RateBucket {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  #balanceBytes: number;
  #countedAt: number;

  /** @param bytesPerSecond Infinity for no bound @param now monotonic milliseconds */
  constructor(bytesPerSecond: number, now: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = Math.max(LEAST_BURST_BYTES, bytesPerSecond * BURST_SECONDS);
    this.#balanceBytes = this.#burstBytes;
    this.#countedAt = now;
  }

  /** Whether so many bytes are there; nothing is taken. */
  has(now: number, lengthBytes: number): boolean {
    if (this.#bytesPerMs === Infinity) return true;
    if (now > this.#countedAt) {
      const earned = (now - this.#countedAt) * this.#bytesPerMs;
      this.#balanceBytes = Math.min(this.#burstBytes, this.#balanceBytes + earned);
      this.#countedAt = now;
    }
    return this.#balanceBytes >= lengthBytes;
  }

  /** Takes bytes that are there. */
  take(lengthBytes: number): void {
    if (this.#bytesPerMs !== Infinity) this.#balanceBytes -= lengthBytes;
  }
}
