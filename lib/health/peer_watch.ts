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
import { healthScore } from "./health_score.ts";

/** A session without a handshake for longer than this is dead (WireGuard paper §6.1, Reject-After-Time). */
export const SESSION_LIFE_MS = 180_000;
/** So many probes in a row without an answer are no accident. */
export const MISSES_UNTIL_DOWN = 2;
/** Loss is counted over so many probes. */
const WINDOW = 20;

/** How a peer is reached: through the tunnel straight to it, by a channel of the message plane alone, or not. */
export type PeerPath = "direct" | "channel" | "none";

/** An answered probe. */
export interface ProbeAnswer {
  /** Milliseconds there and back. */
  readonly rttMs: number;
  readonly path: Exclude<PeerPath, "none">;
}

/** One peer's figures at a moment. */
export interface PeerFigures {
  readonly healthy: boolean;
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
export class PeerWatch {
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
    const lastPingMs = this.#answer?.rttMs;
    const { failureCount } = this;
    return {
      healthy,
      path: !healthy ? "none" : this.#isAnswering && this.#answer ? this.#answer.path : "direct",
      handshakeAgeMs,
      lastPingMs: lastPingMs ?? null,
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

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
