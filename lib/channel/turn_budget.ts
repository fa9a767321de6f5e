/**
 * How much of a turn of the event loop one channel takes.
 * @module
 */

import type { Clock, EventLoopYield } from "../base/mod.ts";

/** After this long others have their turn, in milliseconds; to end one costs 25 µs. */
export const TURN_MS = 4;

/** To read the clock costs a thirtieth of what a short message does. */
const CHECKED_EVERY = 16;

/**
 * One channel's share of the time: it goes on for `TURN_MS`, then the other channels, timers and sockets come first. So
 * whoever says more than this end can work off keeps itself waiting, down to its own socket, and nobody else.
 *
 * Time goes on counting from one read to the next, as a read of what is there already gives nobody else a turn. That
 * counts time in which there was nothing to do, too; then the turn that is ended costs nobody anything.
 */
export class TurnBudget {
  readonly #clock: Clock;
  readonly #turns: EventLoopYield;
  #endsAt: number;
  #unchecked = 0;

  constructor(clock: Clock, turns: EventLoopYield) {
    this.#clock = clock;
    this.#turns = turns;
    this.#endsAt = clock.now() + TURN_MS;
  }

  /** To be asked after each message; the clock is read for one in 16. @returns as `next` */
  handled(): Promise<void> | undefined {
    return ++this.#unchecked < CHECKED_EVERY ? undefined : this.next();
  }

  /** @returns a promise when others come first, which resolves when they had their turn */
  next(): Promise<void> | undefined {
    this.#unchecked = 0;
    if (this.#clock.now() < this.#endsAt) return undefined;
    return this.#turns.next().then(() => void (this.#endsAt = this.#clock.now() + TURN_MS));
  }
}
