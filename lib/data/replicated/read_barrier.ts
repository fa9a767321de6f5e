/**
 * What makes reads of a copy linearizable: each waits until the copy is where the log ended when it was asked. Those that
 * ask at one time share one question.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import { away, AWAY_MS } from "./operation_sender.ts";

/** Waits for the copy. */
export class ReadBarrier {
  readonly #timers: Timers;
  readonly #last: () => Promise<number>;
  /** The question that is under way; who asks meanwhile may have been preceded by what it does not cover. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #reached = 0;
  #waiting: { readonly sequence: number; readonly resolve: () => void }[] = [];

  /** @param last asks where the log ends; waits as long as the log is away */
  constructor(timers: Timers, last: () => Promise<number>) {
    this.#timers = timers;
    this.#last = last;
  }

  /** The copy is at this message. */
  reach(sequence: number): void {
    this.#reached = sequence;
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((one) => one.sequence <= sequence);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => one.sequence > sequence);
    for (const { resolve } of ready) resolve();
  }

  /** Resolves when the copy holds all that was appended before. @throws DataError with code `OwnerAway` */
  pass(): Promise<void> {
    if (this.#running === undefined) return this.#run();
    return this.#next ??= this.#running.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#run();
    });
  }

  #run(): Promise<void> {
    const running = this.#ask().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    return this.#running = running;
  }

  async #ask(): Promise<void> {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const cancel = this.#timers.setTimer(AWAY_MS, () => late.reject(away()));
    try {
      const sequence = await Promise.race([this.#last(), late.promise]);
      if (sequence <= this.#reached) return;
      const here = new Promise<void>((resolve) => this.#waiting.push({ sequence, resolve }));
      await Promise.race([here, late.promise]);
    } finally {
      cancel();
    }
  }
}
