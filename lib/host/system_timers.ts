/**
 * The process's timers.
 * @module
 */

import type { Timers } from "../base/mod.ts";

/** The longest delay that `setTimeout` keeps; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Timers of the event loop. A delay beyond 24.8 days is cut to that. */
export const systemTimers: Timers = Object.freeze({
  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
});
