/**
 * What time it is by a log, about: who asks for what is due should ask no sooner, and not much later.
 * @module
 */

import type { Clock } from "../../base/mod.ts";

/** Estimates what a log would say of a message that is appended now. */
export class LogClock {
  readonly #clock: Clock;
  /** How far this node's clock is ahead; the two agree until something was heard. */
  #aheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#aheadMs = clock.now() - clock.wall();
  }

  /** Milliseconds since 1970, by the clock of the log. */
  get at(): number {
    return this.#clock.now() - this.#aheadMs;
  }

  /**
   * The log has said what time it was.
   * @param isFresh whether that was a moment ago; it may have been long before
   */
  observe(at: number, isFresh: boolean): void {
    const aheadMs = this.#clock.now() - at;
    this.#aheadMs = isFresh ? aheadMs : Math.min(this.#aheadMs, aheadMs);
  }
}
