/**
 * Waiting that can be called off.
 * @module
 */

import type { Timers } from "./timers.ts";

/** @returns after `delayMs`, or as soon as `signal` fires; it never rejects */
export function sleep(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = timers.setTimer(delayMs, finish);
    signal.addEventListener("abort", finish);
  });
}
