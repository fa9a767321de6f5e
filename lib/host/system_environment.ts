/**
 * The host as the environment of a node.
 * @module
 */

import type { Environment, Logger } from "../base/mod.ts";
import { systemClock } from "./system_clock.ts";
import { systemRandom } from "./system_random.ts";
import { systemTimers } from "./system_timers.ts";

/** @returns the host's clocks, timers and randomness, with the log that a node was given */
export function systemEnvironment(log: Logger): Environment {
  return { clock: systemClock, timers: systemTimers, random: systemRandom, log };
}
