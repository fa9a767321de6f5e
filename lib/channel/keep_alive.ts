/**
 * Notices when the other side has fallen silent.
 * @module
 */

import type { Environment, Millis } from "../base/mod.ts";

/** After this long without a record a ping is sent, and again for every such time that goes by. */
export const KEEP_ALIVE_MS = 10_000;

/** After this long without a record the other side is taken for dead. */
export const DEAD_AFTER_MS = 30_000;

/** What the keep-alive stands on. */
export interface KeepAliveOptions extends Pick<Environment, "clock" | "timers"> {
  /** Called after each `KEEP_ALIVE_MS` of silence. */
  readonly onQuiet: () => void;
  /** Called once, after `DEAD_AFTER_MS` of silence. */
  readonly onDead: () => void;
}

/**
 * Watches one channel. While its reader is held back by a slow consumer the other side is not judged, but pings go
 * out all the same, so that the other side does not take this one for dead.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  #heardAt: Millis;
  #isHeldBack = false;
  #cancel: () => void = () => {};

  /** Starts watching at once. */
  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#schedule(KEEP_ALIVE_MS);
  }

  /** A record has arrived. */
  heard(): void {
    this.#heardAt = this.#options.clock.now();
  }

  /** The reader stops or goes on. */
  holdBack(isHeldBack: boolean): void {
    this.#isHeldBack = isHeldBack;
    this.heard();
  }

  /** Stops watching; harmless when repeated. */
  stop(): void {
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#options.timers.setTimer(delayMs, () => this.#check());
  }

  #check(): void {
    const silentMs = this.#options.clock.now() - this.#heardAt;
    if (silentMs < KEEP_ALIVE_MS) return this.#schedule(KEEP_ALIVE_MS - silentMs);
    if (silentMs >= DEAD_AFTER_MS && !this.#isHeldBack) return this.#options.onDead();
    this.#schedule(KEEP_ALIVE_MS);
    this.#options.onQuiet();
  }
}
