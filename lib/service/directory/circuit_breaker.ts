/**
 * Sparing a peer that fails, and noticing when it has recovered.
 *
 * ```
 *   closed --failureThreshold failures in a row--> open --openMs--> half-open --success--> closed
 *                                                   ^------------failure--------+
 * ```
 *
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** Calls pass; calls are refused; one call at a time is let through to try. */
export type CircuitState = "closed" | "open" | "half-open";

/** How patient a breaker is. */
export interface CircuitOptions {
  /** Failures in a row after which it opens, at least 1; 5 by default. */
  readonly failureThreshold?: number;
  /** Milliseconds until one call is let through again; 10 s by default. */
  readonly openMs?: number;
}

/**
 * One breaker. Whoever is allowed a call reports how it ended; a trial that is never reported is forgotten after
 * another `openMs`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CircuitBreaker } from "./circuit_breaker.ts";
 * import { millis } from "../../base/mod.ts";
 * const breaker = new CircuitBreaker({ failureThreshold: 1, openMs: 10_000 });
 * breaker.handleFailure(millis(0));
 * assert.equal(breaker.allows(millis(9_999)), false);
 * assert.equal(breaker.allows(millis(10_000)), true);
 * breaker.handleSuccess();
 * assert.equal(breaker.state(millis(10_000)), "closed");
 * ```
 */
export class CircuitBreaker {
  readonly #failureThreshold: number;
  readonly #openMs: number;
  #failures = 0;
  #openUntil: Millis | undefined;

  /** A closed breaker. @throws RangeError when the threshold is no positive integer or the time is negative */
  constructor({ failureThreshold = 5, openMs = 10_000 }: CircuitOptions = {}) {
    if (!Number.isInteger(failureThreshold) || failureThreshold < 1 || !(openMs >= 0)) {
      throw new RangeError("Cannot make a breaker: it opens after at least 1 failure, for at least 0 ms");
    }
    this.#failureThreshold = failureThreshold;
    this.#openMs = openMs;
  }

  /** Whether calls pass. @returns the state at `now` */
  state(now: Millis): CircuitState {
    if (this.#openUntil === undefined) return "closed";
    return now < this.#openUntil ? "open" : "half-open";
  }

  /**
   * Asks for one call.
   * @returns whether a call may be made now; in the half-open state the next one waits for its end
   */
  allows(now: Millis): boolean {
    const state = this.state(now);
    if (state === "half-open") this.#openUntil = (now + this.#openMs) as Millis;
    return state !== "open";
  }

  /** A call has succeeded. */
  handleSuccess(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
  }

  /** A call has failed. */
  handleFailure(now: Millis): void {
    this.#failures++;
    if (this.#failures >= this.#failureThreshold) this.#openUntil = (now + this.#openMs) as Millis;
  }
}
