/**
 * Timers as a port.
 * @module
 */

import { type Millis, millis, type VirtualClock } from "./clock.ts";

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
  readonly #waiting = new Set<{ readonly deadline: Millis; readonly fire: () => void }>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = { deadline: millis(this.#clock.now() + Math.max(0, delayMs)), fire };
    this.#waiting.add(timer);
    return () => void this.#waiting.delete(timer);
  }

  /** How many timers wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Moves the clock forward and fires what falls due on the way, each at its own time. */
  advance(byMs: number): void {
    const end = this.#clock.now() + byMs;
    for (;;) {
      let next: { readonly deadline: Millis; readonly fire: () => void } | undefined;
      for (const timer of this.#waiting) {
        if (timer.deadline <= end && (next === undefined || timer.deadline < next.deadline)) next = timer;
      }
      if (next === undefined) break;
      this.#waiting.delete(next);
      this.#clock.advance(Math.max(0, next.deadline - this.#clock.now()));
      next.fire();
    }
    this.#clock.advance(end - this.#clock.now());
  }
}
