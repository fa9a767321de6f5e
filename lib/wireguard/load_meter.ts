/**
 * Whether handshakes arrive faster than it is wise to work on them (WireGuard paper §5.3).
 * @module
 */

import type { Millis } from "../base/mod.ts";

const WINDOW_MS = 1000;

/** Under load from the moment that a second brings more handshakes than the limit, until a second after. */
export class LoadMeter {
  readonly #limitPerSecond: number;
  #windowStart = 0;
  #count = 0;
  #loadedUntil = 0;

  /** @param limitPerSecond handshake messages a second that are answered without asking for a cookie */
  constructor(limitPerSecond: number) {
    this.#limitPerSecond = limitPerSecond;
  }

  /** Notes a handshake message. @returns whether we are under load */
  note(now: Millis): boolean {
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#count = 0;
    }
    if (++this.#count > this.#limitPerSecond) this.#loadedUntil = now + WINDOW_MS;
    return now < this.#loadedUntil;
  }
}
