/**
 * What happens when, in virtual time.
 * @module
 */

import { type Millis, millis, PriorityQueue } from "../base/mod.ts";

/** Events to come; time jumps from one to the next. */
export class EventQueue {
  readonly #queue = new PriorityQueue<() => void>();
  #now = 0;

  /** The virtual time. */
  get now(): Millis {
    return millis(this.#now);
  }

  /** How many events wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Runs `run` after `delayMs`. */
  after(delayMs: number, run: () => void): void {
    this.#queue.push(this.#now + Math.max(0, delayMs), run);
  }

  /** Runs what falls due within `ms`, and moves the time there. */
  advance(ms: number): void {
    const queue = this.#queue;
    const end = this.#now + ms;
    for (let next = queue.first; next !== undefined && next.at <= end; next = queue.first) {
      queue.pop();
      const { at, item: run } = next;
      this.#now = at;
      run();
    }
    this.#now = end;
  }
}
