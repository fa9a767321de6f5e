/**
 * A host for handlers that neither call nor publish.
 * @module
 */

import { SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { ContextHost } from "../call_context.ts";
import { MiddlewareChain } from "../middleware_chain.ts";

/** Throws when it is asked for anything but the time. */
export const NO_HOST: ContextHost = {
  now: () => 0,
  requestIn: () => Promise.reject(new Error("no calls are made here")),
  publishIn: () => Promise.reject(new Error("nothing is published here")),
};

const clock = new VirtualClock();

/** Calls and events go through nothing. */
export const NO_MIDDLEWARE: MiddlewareChain = new MiddlewareChain({
  clock,
  timers: new VirtualTimers(clock),
  random: new SeededRandom(1),
  log: silentLogger,
});
