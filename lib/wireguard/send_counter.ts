/**
 * Numbers of the messages that a session sends: each is used once, because it is the nonce (WireGuard paper §5.4.6).
 * @module
 */

import { REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from "./constants.ts";

/** The counter of one session. */
export interface SendCounter {
  /** The number of the next message; nobody else has it. */
  readonly next: number;
  /** Whether the session carries no more, because it has sent so many. */
  readonly isSpent: boolean;
  /** Whether an initiator begins the next session, because this one has sent so many. */
  readonly isOld: boolean;
  /**
   * Takes numbers; those that are not used are lost.
   * @returns the first of `count` numbers that are the caller's alone, or -1, and nothing is taken, when it is spent
   */
  claim(count: number): number;
}

/** Of a session that one thread sends by. */
export class LocalCounter implements SendCounter {
  next: number;

  /** @param next the first number */
  constructor(next = 0) {
    this.next = next;
  }

  get isSpent(): boolean {
    return this.next >= REJECT_AFTER_MESSAGES;
  }

  get isOld(): boolean {
    return this.next > REKEY_AFTER_MESSAGES;
  }

  claim(count: number): number {
    const { next } = this;
    if (next >= REJECT_AFTER_MESSAGES) return -1;
    this.next = next + count;
    return next;
  }
}

/** Of a session that sends no more. */
export const SPENT_COUNTER: SendCounter = {
  next: REJECT_AFTER_MESSAGES,
  isSpent: true,
  isOld: true,
  claim: () => -1,
};
