/**
 * What a part of a node is handed of the world around it.
 * @module
 */

import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { RandomSource } from "./random.ts";
import type { Timers } from "./timers.ts";

/** Time, chance and the log: a real node has the host's, a test a virtual clock and seeded randomness. */
export interface Environment {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Logger;
}
