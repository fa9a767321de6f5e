/**
 * Waiting until something about services is so.
 * @module
 */

import type { Timers } from "../../base/mod.ts";

/** What no signal tells, such as the health of a node, is looked at so often. */
const LOOK_MS = 250;

/** Wakes those who wait for a change of who offers what, or who listens. */
export class ChangeSignal {
  readonly #timers: Timers;
  readonly #waiting = new Set<() => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Something has changed. */
  notify(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** @returns whether it became so within the time, and before it was aborted */
  until(isSo: () => boolean, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (isSo()) return Promise.resolve(true);
    if (signal?.aborted || timeoutMs <= 0) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let cancelLook = () => {};
    const end = (outcome: boolean) => {
      this.#waiting.delete(look);
      cancelLook();
      cancelTimer();
      signal?.removeEventListener("abort", abort);
      resolve(outcome);
    };
    const abort = () => end(false);
    const look = () => {
      if (isSo()) end(true);
    };
    const lookLater = () => {
      cancelLook = this.#timers.setTimer(LOOK_MS, () => {
        lookLater();
        look();
      });
    };
    const cancelTimer = this.#timers.setTimer(timeoutMs, () => end(isSo()));
    this.#waiting.add(look);
    signal?.addEventListener("abort", abort, { once: true });
    lookLater();
    return promise;
  }
}
