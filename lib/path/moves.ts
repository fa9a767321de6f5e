/**
 * How a host that is somewhere else tells those whose packets still go where it was: they would notice by silence alone,
 * and who only receives is silent.
 * @module
 */

import type { Millis } from "../base/mod.ts";

/** Questions tell of a move for so long: until the first of them gets out by some path. */
const TELL_MS = 3_000;
/** A member's moves are heeded no more often, since each costs a search. */
const HEED_EVERY_MS = 200;
/** Whoever begins anew counts from the beginning. */
const FORGET_MS = 10_000;
const MOST_NUMBERS = 255;

/** The moves of this host, as one member is told of them, and those of the member. */
export class Moves {
  #own = 0;
  #ownAt = -Infinity;
  #heeded = 0;
  #heardAt = -Infinity;
  #heededAt = -Infinity;

  /** This host is somewhere else. */
  begin(now: Millis): void {
    this.#own = this.#own % MOST_NUMBERS + 1;
    this.#ownAt = now;
  }

  /** @returns what a question tells now: the number of the move, 1 to 255, or 0 when there was none lately */
  told(now: Millis): number {
    return now - this.#ownAt < TELL_MS ? this.#own : 0;
  }

  /** @returns whether a question of the member that tells this is the first to tell of that move */
  isNews(now: Millis, move: number): boolean {
    if (move === 0) return false;
    const isKnown = move === this.#heeded && now - this.#heardAt < FORGET_MS;
    this.#heardAt = now;
    if (isKnown || now - this.#heededAt < HEED_EVERY_MS) return false;
    this.#heeded = move;
    this.#heededAt = now;
    return true;
  }
}
