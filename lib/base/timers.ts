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
  /** A binary heap; cancelled ones stay until they are on top, or are more than half of it. */
  #heap: VirtualTimer[] = [];
  #cancelled = 0;
  #order = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const deadline = millis(this.#clock.now() + Math.max(0, delayMs));
    const timer: VirtualTimer = { deadline, order: this.#order++, fire };
    pushTimer(this.#heap, timer);
    return () => {
      if (timer.fire === undefined) return;
      timer.fire = undefined;
      this.#cancelled++;
      if (2 * this.#cancelled > this.#heap.length) this.#sweep();
    };
  }

  /** How many timers wait. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Moves the clock forward and fires what falls due on the way, each at its own time. */
  advance(byMs: number): void {
    const end = this.#clock.now() + byMs;
    for (let next = this.#heap[0]; next !== undefined && next.deadline <= end; next = this.#heap[0]) {
      popTimer(this.#heap);
      const { fire } = next;
      if (fire === undefined) {
        this.#cancelled--;
        continue;
      }
      next.fire = undefined;
      this.#clock.advance(Math.max(0, next.deadline - this.#clock.now()));
      fire();
    }
    this.#clock.advance(end - this.#clock.now());
  }

  #sweep(): void {
    const waiting = this.#heap.filter(({ fire }) => fire !== undefined);
    this.#heap = [];
    this.#cancelled = 0;
    for (const timer of waiting) pushTimer(this.#heap, timer);
  }
}

interface VirtualTimer {
  readonly deadline: Millis;
  /** Of two with the same deadline the earlier one was set first. */
  readonly order: number;
  /** Undefined when it has fired or was cancelled. */
  fire: (() => void) | undefined;
}

function pushTimer(heap: VirtualTimer[], timer: VirtualTimer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (isBefore(heap[parent] as VirtualTimer, timer)) break;
    heap[at] = heap[parent] as VirtualTimer;
    at = parent;
  }
  heap[at] = timer;
}

function popTimer(heap: VirtualTimer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as VirtualTimer, heap[child] as VirtualTimer)) {
      child++;
    }
    if (isBefore(last, heap[child] as VirtualTimer)) break;
    heap[at] = heap[child] as VirtualTimer;
    at = child;
  }
  heap[at] = last;
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
