/**
 * What makes reads of a copy linearizable: each waits until the copy is where the log ended when it was asked. Those that
 * ask at one time share one question.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import { away, AWAY_MS } from "./operation_sender.ts";

/** So many are under way at once: who comes is covered by none that was asked before, and would wait for its end, too. */
const MAX_QUESTIONS = 2;

/** Waits for the copy. */
export class ReadBarrier {
  readonly #timers: Timers;
  readonly #last: (reached: number) => Promise<number>;
  /** How many questions are under way. */
  #asking = 0;
  /** The next one: who asks meanwhile may have been preceded by what those under way do not cover. */
  #next: PromiseWithResolvers<void> | undefined;
  #reached = 0;
  #waiting: { readonly sequence: number; readonly resolve: () => void }[] = [];

  /** @param last asks where the log ends, from the message on at which the copy is; waits as long as the log is away */
  constructor(timers: Timers, last: (reached: number) => Promise<number>) {
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
    if (this.#asking < MAX_QUESTIONS) return this.#ask();
    return (this.#next ??= Promise.withResolvers<void>()).promise;
  }

  async #ask(): Promise<void> {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const cancel = this.#timers.setTimer(AWAY_MS, () => late.reject(away()));
    try {
      const sequence = await this.#question(late.promise);
      if (sequence <= this.#reached) return;
      const here = new Promise<void>((resolve) => this.#waiting.push({ sequence, resolve }));
      await Promise.race([here, late.promise]);
    } finally {
      cancel();
    }
  }

  /** Who waits for the next one waits for no answer that is late, nor for what the copy still lacks of this one. */
  async #question(late: Promise<never>): Promise<number> {
    this.#asking++;
    try {
      return await Promise.race([this.#last(this.#reached), late]);
    } finally {
      this.#asking--;
      const next = this.#next;
      this.#next = undefined;
      next?.resolve(this.#ask());
    }
  }
}
