/**
 * Waiting that can be called off, for a while, for an answer, or again and again.
 * @module
 */

import type { Environment } from "./environment.ts";
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
 * Calls `action` every `intervalMs`; when it throws, the log says `problem`, and the next call comes all the same.
 * @returns a function that ends it
 */
export function repeat(
  { timers, log }: Pick<Environment, "timers" | "log">,
  { intervalMs, problem }: { readonly intervalMs: number; readonly problem: string },
  action: () => void,
): () => void {
  let isEnded = false;
  const wait = (): () => void =>
    timers.setTimer(intervalMs, () => {
      try {
        action();
      } catch (error) {
        log.error(problem, { error });
      }
      if (!isEnded) cancel = wait();
    });
  let cancel = wait();
  return () => {
    isEnded = true;
    cancel();
  };
}
