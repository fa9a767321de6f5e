/**
 * What happens when, in virtual time.
 * @module
 */

import { Agenda, type Millis, millis } from "../base/mod.ts";

/** Events to come; time jumps from one to the next. */
export class EventQueue {
  readonly #agenda = new Agenda<() => void>();
  #now = 0;

  /** The virtual time. */
  get now(): Millis {
    return millis(this.#now);
  }

  /** How many events wait. */
  get size(): number {
    return this.#agenda.size;
  }

  /** Runs `run` after `delayMs`. */
  after(delayMs: number, run: () => void): void {
    this.#agenda.push(this.#now + Math.max(0, delayMs), run);
  }

  /** Runs what falls due within `ms`, and moves the time there. */
  advance(ms: number): void {
    const agenda = this.#agenda;
    const end = this.#now + ms;
    for (let next = agenda.first; next !== undefined && next.at <= end; next = agenda.first) {
      agenda.pop();
      const { at, item: run } = next;
      this.#now = at;
      run();
    }
    this.#now = end;
  }
}
