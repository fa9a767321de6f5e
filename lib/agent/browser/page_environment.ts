/**
 * A page's clocks, timers and chance, which are the web's own: those of `lib/host` come with what no browser can load.
 * @module
 */

import { type Environment, type Logger, millis, unixMillis } from "../../base/mod.ts";

/** `getRandomValues` fills at most this many bytes a call (Web Cryptography §10.1.1). */
const MAX_BYTES_PER_CALL = 65_536;

/** @returns what a node is handed in place of the system, with the log that it was given */
export function pageEnvironment(log: Logger): Environment {
  return {
    clock: { now: () => millis(performance.now()), wall: () => unixMillis(Date.now()) },
    timers: {
      setTimer(delayMs, fire) {
        const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), 2 ** 31 - 1));
        return () => clearTimeout(timer);
      },
    },
    random: {
      fill(out) {
        for (let at = 0; at < out.length; at += MAX_BYTES_PER_CALL) {
          const part = new Uint8Array(Math.min(MAX_BYTES_PER_CALL, out.length - at));
          out.set(crypto.getRandomValues(part), at);
        }
      },
    },
    log,
  };
}
