/**
 * Trying several endpoints, a moment apart, and keeping the first that answers (RFC 8305 §5).
 * @module
 */

import type { Timers } from "../../base/mod.ts";

/** The pause between two attempts, RFC 8305 §5 "Connection Attempt Delay". */
const ATTEMPT_DELAY_MS = 250;

/** What `raceDial` works with. */
export interface DialRace<Target, Connection> {
  readonly timers: Timers;
  /** Resolves with a connection, or undefined; gives up by itself, and at once when `signal` aborts. */
  attempt(target: Target, signal: AbortSignal): Promise<Connection | undefined>;
  /** Closes a connection that came second. */
  discard(connection: Connection): void;
}

/**
 * Starts an attempt for each target, each 250 ms after the one before, or as soon as an earlier one failed.
 *
 * @returns the first connection, or undefined when every attempt failed
 */
export function raceDial<Target, Connection>(
  targets: readonly Target[],
  race: DialRace<Target, Connection>,
): Promise<Connection | undefined> {
  const abort = new AbortController();
  return new Promise((resolve, reject) => {
    let started = 0;
    let failed = 0;
    let settled = false;
    let cancelTimer: (() => void) | undefined;
    const settle = (): void => {
      settled = true;
      cancelTimer?.();
      abort.abort();
    };
    const startNext = (): void => {
      cancelTimer?.();
      cancelTimer = undefined;
      if (settled) return;
      const target = targets[started];
      if (target === undefined) {
        if (failed === targets.length) {
          settle();
          resolve(undefined);
        }
        return;
      }
      started++;
      race.attempt(target, abort.signal).then((connection) => {
        if (connection !== undefined && settled) race.discard(connection);
        if (settled) return;
        if (connection === undefined) {
          failed++;
          startNext();
        } else {
          settle();
          resolve(connection);
        }
      }, (error: unknown) => {
        if (settled) return;
        settle();
        reject(error);
      });
      cancelTimer = race.timers.setTimer(ATTEMPT_DELAY_MS, startNext);
    };
    startNext();
  });
}
