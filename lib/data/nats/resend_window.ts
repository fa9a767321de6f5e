/**
 * For how long a message may be sent again under its name.
 * @module
 */

import type { Clock } from "../../base/mod.ts";

/**
 * Servers know the names of messages for some time of their own. It is counted here by both clocks: the monotonic one stands
 * still while the machine sleeps, in which that time passes, and the other one may be set.
 */
export class ResendWindow {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  readonly #from: { readonly now: number; readonly wall: number };

  /** It begins now. @param lengthMs in milliseconds */
  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
    this.#from = { now: clock.now(), wall: clock.wall() };
  }

  /** Whether it may be over. */
  get isOver(): boolean {
    const { now, wall } = this.#from;
    return Math.max(this.#clock.now() - now, Math.abs(this.#clock.wall() - wall)) > this.#lengthMs;
  }
}
