/**
 * What is known of one peer's health.
 *
 * A peer is healthy when its last handshake is under 180 s old or a probe was answered in that time. Two probes in a
 * row without an answer overrule both, but only for a peer that has answered before: one whose firewall takes no
 * probes would else never be well, and it is judged by its handshakes alone.
 *
 * @module
 */

import type { Millis } from "../base/mod.ts";

/** A session without a handshake for longer than this is dead (WireGuard paper §6.1, Reject-After-Time). */
export const SESSION_LIFE_MS = 180_000;
/** So many probes in a row without an answer are no accident. */
export const MISSES_UNTIL_DOWN = 2;
/** Loss is counted over so many probes. */
const WINDOW = 20;

const LOSS_WEIGHT = 60;
const SLOWNESS_WEIGHT = 30;
const MISSING_WEIGHT = 10;
const FAST_MS = 50;
const SLOW_MS = 500;
/** What a peer that never answered a probe may have. */
const UNPROBED_SCORE = 70;

/** How a peer is reached: through the tunnel straight to it, by a channel of the message plane alone, or not. */
export type PeerPath = "direct" | "channel" | "none";

/** An answered probe. */
export interface ProbeAnswer {
  /** Milliseconds there and back. */
  readonly rttMs: number;
  /** Which way it came. */
  readonly path: Exclude<PeerPath, "none">;
}

/** One peer's figures at a moment. */
export interface PeerFigures {
  /** Whether it answers, as the module says. */
  readonly healthy: boolean;
  /** How it is reached now. */
  readonly path: PeerPath;
  /** Milliseconds since the last WireGuard handshake; null when there was none. */
  readonly handshakeAgeMs: number | null;
  /** Milliseconds that the last answered probe took; null when none was answered. */
  readonly lastPingMs: number | null;
  /** Probes in a row without an answer. */
  readonly failureCount: number;
  /** Of the last 20 probes, how many had no answer, in percent; null before the first one ended. */
  readonly lossPercent: number | null;
  /** 0 to 100, as `healthScore` has it. */
  readonly score: number;
}

/** Gathers evidence about one peer. */
export class PeerMonitor {
  #handshakeAt: Millis | undefined;
  #answer: ProbeAnswer | undefined;
  #answeredAt: Millis | undefined;
  #failureCount = 0;
  #failingSince: Millis | undefined;
  /** Whether misses count: it has answered since they last were no evidence. */
  #isAnswering = false;
  /** The newest is the lowest bit; 1 is a miss. */
  #misses = 0;
  #probes = 0;

  get failureCount(): number {
    return this.#failureCount;
  }

  /** How many probes have ended; 20 stands for more. */
  get probes(): number {
    return this.#probes;
  }

  /** @param at when the last handshake was completed; undefined when there is none any more */
  handleHandshake(at: Millis | undefined): void {
    this.#handshakeAt = at;
    // It takes both directions to shake hands: whatever swallows probes now is not the path.
    if (at !== undefined && this.#failingSince !== undefined && at > this.#failingSince) {
      this.#isAnswering = false;
    }
  }

  /** A probe was answered. */
  handleAnswer(now: Millis, answer: ProbeAnswer): void {
    this.#answer = answer;
    this.#answeredAt = now;
    this.#failureCount = 0;
    this.#failingSince = undefined;
    this.#isAnswering = true;
    this.#note(0);
  }

  /**
   * A probe was not answered in time.
   * @param sentAt when it was sent
   */
  handleMiss(sentAt: Millis): void {
    this.#failureCount++;
    this.#failingSince ??= sentAt;
    this.#note(1);
  }

  /** @returns the figures at `now` */
  figures(now: Millis): PeerFigures {
    const handshakeAgeMs = this.#handshakeAt === undefined ? null : Math.max(0, now - this.#handshakeAt);
    const hasHandshake = handshakeAgeMs !== null && handshakeAgeMs < SESSION_LIFE_MS;
    const hasAnswer = this.#answeredAt !== undefined && now - this.#answeredAt < SESSION_LIFE_MS;
    const isDown = this.#isAnswering && this.#failureCount >= MISSES_UNTIL_DOWN;
    const healthy = (hasHandshake || hasAnswer) && !isDown;
    const loss = this.#probes === 0 ? 0 : bitCount(this.#misses) / this.#probes;
    const lastPingMs = this.#answer?.rttMs ?? null;
    const { failureCount } = this;
    return {
      healthy,
      path: !healthy ? "none" : this.#isAnswering && this.#answer ? this.#answer.path : "direct",
      handshakeAgeMs,
      lastPingMs,
      failureCount,
      lossPercent: this.#probes === 0 ? null : Math.round(100 * loss),
      score: healthScore({ healthy, loss, lastPingMs, failureCount }),
    };
  }

  #note(miss: 0 | 1): void {
    this.#misses = (this.#misses << 1 | miss) & (1 << WINDOW) - 1;
    this.#probes = Math.min(WINDOW, this.#probes + 1);
  }
}

/** The figures that make the score. */
export interface ScoreFacts extends Pick<PeerFigures, "healthy" | "lastPingMs" | "failureCount"> {
  /** Share of unanswered probes, 0 to 1. */
  readonly loss: number;
}

/**
 * How well a peer is doing, as one number.
 *
 *     score = 0                                              when it is unhealthy, else
 *     score = max(1, round(100 - 60 × loss - 30 × slowness - 10 × isMissing))
 *     loss      = share of the last 20 probes without an answer, 0 to 1
 *     slowness  = (last round trip - 50 ms) / 450 ms, held between 0 and 1
 *     isMissing = 1 when the last probe had no answer
 *
 * Without any answered probe, the score of a healthy peer is 70.
 *
 * @returns 0 to 100, an integer; 0 exactly when unhealthy
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { healthScore } from "./peer_health.ts";
 * assert.equal(healthScore({ healthy: true, loss: 0, lastPingMs: 3, failureCount: 0 }), 100);
 * assert.equal(healthScore({ healthy: true, loss: 0.1, lastPingMs: 275, failureCount: 1 }), 69);
 * ```
 */
export function healthScore({ healthy, loss, lastPingMs, failureCount }: ScoreFacts): number {
  if (!healthy) return 0;
  if (lastPingMs === null) return UNPROBED_SCORE;
  const slowness = Math.min(1, Math.max(0, (lastPingMs - FAST_MS) / (SLOW_MS - FAST_MS)));
  const missing = failureCount > 0 ? MISSING_WEIGHT : 0;
  return Math.max(1, Math.round(100 - LOSS_WEIGHT * loss - SLOWNESS_WEIGHT * slowness - missing));
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
