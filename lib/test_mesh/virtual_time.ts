/**
 * Time that passes when a test says so.
 * @module
 */

import { VirtualClock, VirtualTimers } from "../base/mod.ts";

/** How long `until` lets time pass at most unless it is told, in milliseconds. */
const DEFAULT_LIMIT_MS = 60_000;

/** A virtual clock, its timers, and the turns in between, in which promises settle. */
export class VirtualTime {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);

  /**
   * Lets time pass: what falls due on the way happens at its own time, and promises settle before the next.
   * @throws RangeError when `ms` is negative or not finite
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) {
      throw new RangeError(`Cannot advance the clock by ${ms} ms: time goes forward by finite steps`);
    }
    const end = this.clock.now() + ms;
    await settle();
    for (let next = this.timers.next; next !== undefined && next <= end; next = this.timers.next) {
      this.#passTo(next);
      await settle();
    }
    this.#passTo(end);
    await settle();
  }

  /**
   * Lets time pass until a promise settles, and no longer.
   * @param limitMs how much of it at most
   * @returns what the promise gives @throws what it rejects with, and Error when nothing comes of it
   */
  async until<T>(promise: Promise<T>, limitMs: number = DEFAULT_LIMIT_MS): Promise<T> {
    let isSettled = false;
    promise.then(() => isSettled = true, () => isSettled = true);
    const end = this.clock.now() + limitMs;
    await settle();
    while (!isSettled) {
      const { next } = this.timers;
      if (next === undefined) {
        throw new Error("nothing came of it, and nothing is due that could change that");
      }
      if (next > end) throw new Error(`nothing came of it within ${limitMs} ms of virtual time`);
      this.#passTo(next);
      await settle();
    }
    return await promise;
  }

  /** Settles when so much time has passed. @throws the signal's reason when it is aborted first */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.timers.setTimer(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Somebody else may have let time pass meanwhile. */
  #passTo(at: number): void {
    this.timers.advance(Math.max(0, at - this.clock.now()));
  }
}

/** Lets every promise settle that waits for nothing but others. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
