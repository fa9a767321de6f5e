/**
 * Time as ports: the core never reads a clock, it is handed one or is handed `now`; and durations as people write them.
 * @module
 */

import type { Brand } from "./brand.ts";
import { PriorityQueue } from "./priority_queue.ts";

/** Milliseconds of a monotonic clock whose zero has no meaning; only differences do. */
export type Millis = Brand<number, "Millis">;

/** Milliseconds since 1970-01-01T00:00:00Z, which can jump when the host's clock is set. */
export type UnixMillis = Brand<number, "UnixMillis">;

/** Reads both of a host's clocks. */
export interface Clock {
  /** Monotonic time. @returns the monotonic time; it never goes back */
  now(): Millis;
  /** The time of day. @returns the wall time, for timestamps that other machines read */
  wall(): UnixMillis;
}

/** Calls back after a while. */
export interface Timers {
  /**
   * Calls `fire` once, `delayMs` milliseconds from now.
   * @returns a function that cancels it; harmless when it has fired
   */
  setTimer(delayMs: number, fire: () => void): () => void;
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
 * import { VirtualClock } from "./time.ts";
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

/**
 * Timers over a `VirtualClock`: they fire when `advance` passes them, in order of their deadlines.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { VirtualClock, VirtualTimers } from "./time.ts";
 * const timers = new VirtualTimers(new VirtualClock());
 * let fired = false;
 * timers.setTimer(100, () => fired = true);
 * timers.advance(99);
 * assert.equal(fired, false);
 * timers.advance(1);
 * assert.equal(fired, true);
 * ```
 */
export class VirtualTimers implements Timers {
  readonly #clock: VirtualClock;
  /** Cancelled ones are undefined, and stay until they are first or more than half of all. */
  readonly #queue = new PriorityQueue<(() => void) | undefined>();
  #cancelled = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  setTimer(delayMs: number, fire: () => void): () => void {
    const timer = this.#queue.push(this.#clock.now() + Math.max(0, delayMs), fire);
    return () => {
      if (timer.item === undefined) return;
      timer.item = undefined;
      this.#cancelled++;
      if (2 * this.#cancelled <= this.#queue.size) return;
      this.#queue.retain((item) => item !== undefined);
      this.#cancelled = 0;
    };
  }

  /** Like `setTimer`, of what is never called off. */
  schedule(delayMs: number, fire: () => void): void {
    this.#queue.push(this.#clock.now() + Math.max(0, delayMs), fire);
  }

  /** How many timers wait. */
  get size(): number {
    return this.#queue.size - this.#cancelled;
  }

  /** When the first of them falls due; undefined when none waits. */
  get next(): Millis | undefined {
    const queue = this.#queue;
    while (queue.first !== undefined && queue.first.item === undefined) {
      queue.pop();
      this.#cancelled--;
    }
    return queue.first && millis(queue.first.at);
  }

  /** Moves the clock forward and fires what falls due on the way, each at its own time. */
  advance(byMs: number): void {
    const queue = this.#queue;
    const end = this.#clock.now() + byMs;
    for (let next = queue.first; next !== undefined && next.at <= end; next = queue.first) {
      queue.pop();
      const { at, item: fire } = next;
      if (fire === undefined) {
        this.#cancelled--;
        continue;
      }
      next.item = undefined;
      this.#clock.advance(Math.max(0, at - this.#clock.now()));
      fire();
    }
    this.#clock.advance(end - this.#clock.now());
  }
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Reads `90s`, `24h`, `1h30m`.
 * @returns milliseconds, or undefined when `text` is none or nothing
 */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(\d{1,9}(ms|[smhdw]))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) {
    totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return totalMs > 0 ? totalMs : undefined;
}
