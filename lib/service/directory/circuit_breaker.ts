/**
 * Sparing a provider that fails, action by action, and noticing when it has recovered.
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
  /** Failures in a row after which it opens, at least 1; 5 by default, `Infinity` for never. */
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
    const isCount = Number.isInteger(failureThreshold) || failureThreshold === Infinity;
    if (!isCount || failureThreshold < 1 || !(openMs >= 0)) {
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

/** What says by default that a provider is in trouble, not the call. */
const TROUBLE: readonly string[] = ["Unreachable", "OutcomeUnknown", "Timeout", "Overloaded", "Incompatible"];

/** What says something of the one action; the rest says something of its node, and any success there disproves it. */
const OF_ACTION: ReadonlySet<string> = new Set(["Timeout", "Incompatible"]);

/** How a node spares providers, for each action by itself. */
export interface BreakerOptions extends CircuitOptions {
  /**
   * The codes of the failures that count: `Unreachable`, `OutcomeUnknown`, `Timeout`, `Overloaded` and `Incompatible` by
   * default. What a handler fails with does not count, whatever its code.
   */
  readonly counts?: readonly string[];
}

/** So many actions of one provider have breakers of their own; the others share one. */
const MAX_ACTIONS = 256;
const SHARED = "";

/** The breakers of one service on one node, an action each: one action that hangs keeps nobody from the others. */
export class ActionBreakers {
  readonly #options: CircuitOptions;
  readonly #counts: ReadonlySet<string>;
  /** Of the actions that have failed since they last succeeded. */
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** Those of them whose last failure was the action's own. */
  readonly #ofActions = new Set<string>();

  /** Closed ones. @throws RangeError when the threshold is no positive integer or the time is negative */
  constructor({ counts = TROUBLE, ...options }: BreakerOptions = {}) {
    // A mistake shows when the node is made, not at its first failure.
    new CircuitBreaker(options);
    this.#options = options;
    this.#counts = new Set(counts);
  }

  /** How many of them are not closed at `now`. */
  open(now: Millis): number {
    let open = 0;
    for (const breaker of this.#breakers.values()) if (breaker.state(now) !== "closed") open++;
    return open;
  }

  /** Whether calls of an action pass. @returns the state at `now` */
  state(action: string, now: Millis): CircuitState {
    return this.#breakers.get(this.#key(action))?.state(now) ?? "closed";
  }

  /** Asks for one call. @returns whether it may be made now; in the half-open state the next one waits for its end */
  allows(action: string, now: Millis): boolean {
    return this.#breakers.get(this.#key(action))?.allows(now) ?? true;
  }

  /** A call has succeeded, or has failed for a reason of its own. */
  handleSuccess(action: string): void {
    if (this.#breakers.size === 0) return;
    const succeeded = this.#key(action);
    this.#ofActions.delete(succeeded);
    for (const key of this.#breakers.keys()) if (!this.#ofActions.has(key)) this.#breakers.delete(key);
  }

  /** A call has failed. @param code why; one that does not count is as good as a success */
  handleFailure(action: string, code: string, now: Millis): void {
    if (!this.#counts.has(code)) return this.handleSuccess(action);
    const key = this.#key(action);
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) this.#breakers.set(key, breaker = new CircuitBreaker(this.#options));
    breaker.handleFailure(now);
    if (OF_ACTION.has(code)) this.#ofActions.add(key);
    else this.#ofActions.delete(key);
  }

  #key(action: string): string {
    return this.#breakers.size < MAX_ACTIONS || this.#breakers.has(action) ? action : SHARED;
  }
}
