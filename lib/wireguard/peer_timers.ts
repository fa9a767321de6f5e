/**
 * The timers of a peer (WireGuard paper §6, Linux's `drivers/net/wireguard/timers.c`).
 * @module
 */

import { type Millis, millis } from "../base/mod.ts";

/** What is to be done when a timer runs out. */
export const TIMER = {
  /** No answer to an initiation: try again (paper §6.4). */
  RETRANSMIT_HANDSHAKE: 0,
  /** Received, and had nothing to send: keep the session alive (paper §6.5). */
  SEND_KEEPALIVE: 1,
  /** Sent, and heard nothing: the peer may have lost the session (paper §6.5). */
  NEW_HANDSHAKE: 2,
  /** Nothing for three times the life of a session: forget all keys (paper §6.3). */
  ZERO_KEYS: 3,
  /** The keepalive that the user asked for. */
  PERSISTENT_KEEPALIVE: 4,
  /** Its path was set anew just after an initiation: call it there. */
  REDIRECT_HANDSHAKE: 5,
} as const;

/** One of `TIMER`. */
export type Timer = typeof TIMER[keyof typeof TIMER];

const TIMERS = 6;
const NEVER = Infinity;

/** Deadlines; arming, cancelling and asking cost next to nothing. */
export class PeerTimers {
  readonly #deadlines = new Float64Array(TIMERS).fill(NEVER);

  /** Runs out at `deadline`, whatever was set before. */
  arm(timer: Timer, deadline: Millis): void {
    this.#deadlines[timer] = deadline;
  }

  cancel(timer: Timer): void {
    this.#deadlines[timer] = NEVER;
  }

  cancelAll(): void {
    this.#deadlines.fill(NEVER);
  }

  isArmed(timer: Timer): boolean {
    return this.#deadlines[timer] !== NEVER;
  }

  /** The earliest deadline, Infinity when nothing is armed. */
  get earliest(): Millis {
    let earliest = NEVER;
    for (let i = 0; i < TIMERS; i++) earliest = Math.min(earliest, this.#deadlines[i] ?? NEVER);
    return millis(earliest);
  }

  /** @returns a timer that has run out, cancelled by that, or undefined */
  takeDue(now: Millis): Timer | undefined {
    for (let i = 0; i < TIMERS; i++) {
      if ((this.#deadlines[i] ?? NEVER) > now) continue;
      this.#deadlines[i] = NEVER;
      return i as Timer;
    }
    return undefined;
  }
}
