/**
 * A bound on what runs at the same time, so that one service cannot take everything.
 * @module
 */

import { BoundedQueue } from "../../base/mod.ts";

/** How many bytes of parameters wait; longer ones wait alone. */
export const MAX_WAITING_BYTES: number = 64 << 20;

interface Waiting {
  readonly start: () => void;
  readonly bytes: number;
}

/** Lets so many run, so many wait, and rejects the others. */
export class Bulkhead {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #waiting: BoundedQueue<Waiting> | undefined;
  #waitingBytes = 0;
  #running = 0;

  /** @param limit how many run, at least 1 @param maxWaiting how many wait, 0 for none */
  constructor(limit: number, maxWaiting: number) {
    this.#limit = limit;
    this.#maxWaiting = maxWaiting;
    this.#waiting = maxWaiting === 0 ? undefined : new BoundedQueue(maxWaiting);
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting?.size ?? 0;
  }

  /** Whether the next one has to wait. */
  get isBusy(): boolean {
    return this.#running >= this.#limit;
  }

  /** @returns whether `enter` takes one that waits with so many bytes, if it has to wait */
  hasRoom(bytes: number): boolean {
    if (!this.isBusy) return true;
    if (this.waiting === this.#maxWaiting) return false;
    return bytes === 0 || this.#waitingBytes === 0 || this.#waitingBytes + bytes <= MAX_WAITING_BYTES;
  }

  /** Enters where `isBusy` is false, and calls `leave` once. */
  pass(): void {
    this.#running++;
  }

  /**
   * Runs `start` now or when somebody leaves; whoever starts calls `leave` once.
   * @param bytes what waiting for it takes
   * @returns false when too many wait already, or too much
   */
  enter(start: () => void, bytes = 0): boolean {
    if (!this.isBusy) {
      this.pass();
      start();
      return true;
    }
    if (!this.hasRoom(bytes)) return false;
    this.#waitingBytes += bytes;
    this.#waiting?.push({ start, bytes });
    return true;
  }

  /** Ends one that runs; the next that waits begins. */
  leave(): void {
    const next = this.#waiting?.shift();
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waitingBytes -= next.bytes;
    next.start();
  }
}
