/**
 * The process's clocks, timers and randomness: what the ports of `lib/base` stand for when a program runs.
 * @module
 */

import {
  type Clock,
  type Environment,
  type Logger,
  millis,
  type RandomSource,
  type Timers,
  unixMillis,
} from "../base/mod.ts";
import { runtimeModule } from "./runtime_module.ts";

/** Reads the process's monotonic clock and the host's wall clock. */
export const systemClock: Clock = Object.freeze({
  now: () => millis(performance.now()),
  wall: () => unixMillis(Date.now()),
});

/** The longest delay that `setTimeout` keeps; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Timers of the event loop. A delay beyond 24.8 days is cut to that. */
export const systemTimers: Timers = Object.freeze({
  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
});

/** Calls back in the next turn of the event loop, when what has arrived meanwhile has been handled. */
export function afterSystemTurn(fire: () => void): void {
  runtimeModule("node:timers").setImmediate(fire);
}

/** `getRandomValues` fills at most this many bytes a call (Web Cryptography §10.1.1). */
const MAX_BYTES_PER_CALL = 65_536;

/** Cryptographically strong bytes from the operating system. */
export const systemRandom: RandomSource = Object.freeze({
  fill(out: Uint8Array): void {
    for (let at = 0; at < out.length; at += MAX_BYTES_PER_CALL) {
      const part = new Uint8Array(Math.min(MAX_BYTES_PER_CALL, out.length - at));
      out.set(crypto.getRandomValues(part), at);
    }
  },
});

/** @returns the host's clocks, timers and randomness, with the log that a node was given */
export function systemEnvironment(log: Logger): Environment {
  return { clock: systemClock, timers: systemTimers, random: systemRandom, log };
}
