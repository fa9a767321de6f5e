/**
 * Timers as a port.
 * @module
 */

import type { VirtualClock } from "./clock.ts";
import { PriorityQueue } from "./priority_queue.ts";

/** Calls back after a while. */
export interface Timers {
  /**
   * Calls `fire` once, `delayMs` milliseconds from now.
   * @returns a function that cancels it; harmless when it has fired
   */
  setTimer(delayMs: number, fire: () => void): () => void;
}

/**
 * Timers over a `VirtualClock`: they fire when `advance` passes them, in order of their deadlines.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualClock } from "./clock.ts";
 * import { VirtualTimers } from "./timers.ts";
 * const timers = new VirtualTimers(new VirtualClock());
 * let fired = false;
 * timers.setTimer(100, () => fired = true);
 * timers.advance(99);
 * assert.equal(fired, false);
 * timers.advance(1);
 * assert.equal(fired, true);
 * ```
 */
export class VirtualTimers implements Timers {
  readonly #clock: VirtualClock;
  /** Cancelled ones are undefined, and stay until they are first or more than half of all. */
  readonly #queue = new PriorityQueue<(() => void) | undefined>();
  #cancelled = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = this.#queue.push(this.#clock.now() + Math.max(0, delayMs), fire);
    return () => {
      if (timer.item === undefined) return;
      timer.item = undefined;
      this.#cancelled++;
      if (2 * this.#cancelled <= this.#queue.size) return;
      this.#queue.retain((item) => item !== undefined);
      this.#cancelled = 0;
    };
  }

  /** How many timers wait. */
  get size(): number {
    return this.#queue.size - this.#cancelled;
  }

  /** Moves the clock forward and fires what falls due on the way, each at its own time. */
  advance(byMs: number): void {
    const queue = this.#queue;
    const end = this.#clock.now() + byMs;
    for (let next = queue.first; next !== undefined && next.at <= end; next = queue.first) {
      queue.pop();
      const { at, item: fire } = next;
      if (fire === undefined) {
        this.#cancelled--;
        continue;
      }
      next.item = undefined;
      this.#clock.advance(Math.max(0, at - this.#clock.now()));
      fire();
    }
    this.#clock.advance(end - this.#clock.now());
  }
}
