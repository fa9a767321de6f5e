/**
 * Time as a port: the core never reads a clock, it is handed one or is handed `now`.
 * @module
 */

import type { Brand } from "./brand.ts";

/** Milliseconds of a monotonic clock whose zero has no meaning; only differences do. */
export type Millis = Brand<number, "Millis">;

/** Milliseconds since 1970-01-01T00:00:00Z, which can jump when the host's clock is set. */
export type UnixMillis = Brand<number, "UnixMillis">;

/** Reads both of a host's clocks. */
export interface Clock {
  /** @returns the monotonic time; it never goes back */
  now(): Millis;
  /** @returns the wall time, for timestamps that other machines read */
  wall(): UnixMillis;
}

/** Brands a number of monotonic milliseconds. */
export function millis(value: number): Millis {
  return value as Millis;
}

/** Brands a number of milliseconds since 1970. */
export function unixMillis(value: number): UnixMillis {
  return value as UnixMillis;
}

/**
 * A clock that moves only when it is told to, for simulations and tests.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualClock } from "./clock.ts";
 * const clock = new VirtualClock();
 * clock.advance(120_000);
 * assert.equal(clock.now(), 120_000);
 * ```
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  readonly #wallStartMs: number;

  /** @param wallStartMs wall time at the clock's zero, milliseconds since 1970 */
  constructor(wallStartMs = 1_700_000_000_000) {
    this.#wallStartMs = wallStartMs;
  }

  now(): Millis {
    return millis(this.#elapsedMs);
  }

  wall(): UnixMillis {
    return unixMillis(this.#wallStartMs + this.#elapsedMs);
  }

  /**
   * Moves both clocks forward.
   * @throws RangeError when `byMs` is negative or not finite
   */
  advance(byMs: number): void {
    if (!Number.isFinite(byMs) || byMs < 0) {
      throw new RangeError(`Cannot advance a clock by ${byMs} ms: time goes forward by finite steps`);
    }
    this.#elapsedMs += byMs;
  }
}
