/**
 * The host's clocks.
 * @module
 */

import { type Clock, millis, unixMillis } from "../base/mod.ts";

/** Reads the process's monotonic clock and the host's wall clock. */
export const systemClock: Clock = Object.freeze({
  now: () => millis(performance.now()),
  wall: () => unixMillis(Date.now()),
});
