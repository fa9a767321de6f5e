/**
 * Waiting, when a node stops, for the calls that are under way.
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";

/** How long a node that stops waits for the calls that are under way, unless it is told, in milliseconds. */
export const DEFAULT_DRAIN_MS = 5_000;
/** What was sent before the others knew is answered for so long, in milliseconds, even when nothing is under way. */
export const DEFAULT_LATE_MS = 100;
const LOOK_MS = 10;

/** What is waited for. */
export interface Drain {
  /** Whether nothing is under way any more of what was at the beginning. */
  readonly isIdle: () => boolean;
  /** Whether others may still be sending calls, since they do not know yet. */
  readonly isAsked: boolean;
  /** How long it may take, in milliseconds; not waited at all with 0. */
  readonly limitMs: number;
  /** For how long such calls may arrive, in milliseconds. */
  readonly lateMs: number;
}

/** @returns once nothing is under way, or the time is up: whether nothing is */
export function drained(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  { isIdle, isAsked, limitMs, lateMs }: Drain,
): Promise<boolean> {
  const begunAt = clock.now();
  return new Promise((resolve) => {
    const look = () => {
      const passedMs = clock.now() - begunAt;
      if (isIdle() && passedMs >= (isAsked ? Math.min(lateMs, limitMs) : 0)) resolve(true);
      else if (passedMs >= limitMs) resolve(false);
      else timers.setTimer(LOOK_MS, look);
    };
    look();
  });
}
