/**
 * What is made of timers: a deadline that moves, a time limit for an answer, an action that is repeated, a pause
 * that can be called off.
 * @module
 */

import type { Environment } from "./environment.ts";
import type { Millis, Timers } from "./time.ts";

/**
 * One timer for a deadline that moves.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { millis, VirtualClock, VirtualTimers } from "./time.ts";
 * import { DeadlineTimer } from "./deadline_timer.ts";
 * const clock = new VirtualClock();
 * const timers = new VirtualTimers(clock);
 * const fired: number[] = [];
 * const timer = new DeadlineTimer({ clock, timers }, () => fired.push(clock.now()));
 * timer.set(millis(200));
 * timer.set(millis(100));
 * timers.advance(1_000);
 * assert.deepEqual(fired, [100]);
 * ```
 */
export class DeadlineTimer {
  readonly #environment: Pick<Environment, "clock" | "timers">;
  readonly #fire: () => void;
  #at: Millis | undefined;
  #cancel: () => void = () => {};

  /** @param fire called once for each deadline that comes; the place to set the next one */
  constructor(environment: Pick<Environment, "clock" | "timers">, fire: () => void) {
    this.#environment = environment;
    this.#fire = fire;
  }

  /** Replaces the deadline; one that has passed fires after a millisecond, undefined fires never. */
  set(at: Millis | undefined): void {
    if (at === this.#at) return;
    const { clock, timers } = this.#environment;
    this.#cancel();
    this.#at = at;
    if (at === undefined) return;
    this.#cancel = timers.setTimer(Math.max(1, at - clock.now()), () => {
      this.#at = undefined;
      this.#fire();
    });
  }
}

/** @returns what `answer` resolves with, or undefined when it has not after `timeoutMs` */
export async function withTimeout<T>(
  timers: Timers,
  timeoutMs: number,
  answer: Promise<T>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = timers.setTimer(timeoutMs, () => late.resolve(undefined));
  return await Promise.race([answer, late.promise]).finally(cancel);
}

/**
 * Calls `action` every `intervalMs`; when it throws, the log says `problem`, once until it is another or none, and the next
 * call comes all the same.
 * @returns a function that ends it
 */
export function repeat(
  { timers, log }: Pick<Environment, "timers" | "log">,
  { intervalMs, problem }: { readonly intervalMs: number; readonly problem: string },
  action: () => void,
): () => void {
  let isEnded = false;
  let said: string | undefined;
  const wait = (): () => void =>
    timers.setTimer(intervalMs, () => {
      try {
        action();
        said = undefined;
      } catch (error) {
        if (said !== String(error)) log.error(problem, { error });
        said = String(error);
      }
      if (!isEnded) cancel = wait();
    });
  let cancel = wait();
  return () => {
    isEnded = true;
    cancel();
  };
}

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
