/**
 * How well a peer is doing, as one number.
 *
 *     score = 0                                              when it is unhealthy, else
 *     score = max(1, round(100 - 60 × loss - 30 × slowness - 10 × isMissing))
 *     loss      = share of the last 20 probes without an answer, 0 to 1
 *     slowness  = (last round trip - 50 ms) / 450 ms, held between 0 and 1
 *     isMissing = 1 when the last probe had no answer
 *
 * Without any answered probe, only handshakes speak for the peer: 70 at most.
 *
 * @module
 */

const LOSS_WEIGHT = 60;
const SLOWNESS_WEIGHT = 30;
const MISSING_WEIGHT = 10;
const FAST_MS = 50;
const SLOW_MS = 500;
/** What a peer that never answered a probe may have. */
const UNPROBED_SCORE = 70;

/** What the score is made of. */
export interface ScoreFacts {
  readonly healthy: boolean;
  /** Share of unanswered probes, 0 to 1. */
  readonly loss: number;
  /** Milliseconds of the last round trip; undefined when no probe was ever answered. */
  readonly lastPingMs: number | undefined;
  /** Probes in a row without an answer. */
  readonly failureCount: number;
}

/**
 * @returns 0 to 100, an integer; 0 exactly when unhealthy
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { healthScore } from "./health_score.ts";
 * assert.equal(healthScore({ healthy: true, loss: 0, lastPingMs: 3, failureCount: 0 }), 100);
 * assert.equal(healthScore({ healthy: true, loss: 0.1, lastPingMs: 275, failureCount: 1 }), 69);
 * ```
 */
export function healthScore({ healthy, loss, lastPingMs, failureCount }: ScoreFacts): number {
  if (!healthy) return 0;
  if (lastPingMs === undefined) return UNPROBED_SCORE;
  const slowness = Math.min(1, Math.max(0, (lastPingMs - FAST_MS) / (SLOW_MS - FAST_MS)));
  const missing = failureCount > 0 ? MISSING_WEIGHT : 0;
  return Math.max(1, Math.round(100 - LOSS_WEIGHT * loss - SLOWNESS_WEIGHT * slowness - missing));
}
