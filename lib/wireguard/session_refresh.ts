/**
 * When whoever began a session begins the next one (WireGuard paper §6.2).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { ProtocolTimers } from "./constants.ts";
import type { Keypair } from "./keypair.ts";

/** Belongs to one peer. */
export class SessionRefresh {
  readonly #timers: ProtocolTimers;
  /** Of the session in use, by what was received. */
  #hasBegun = false;

  constructor(timers: ProtocolTimers) {
    this.#timers = timers;
  }

  /** There is a new session. */
  noteHandshakeComplete(): void {
    this.#hasBegun = false;
  }

  /** @returns whether to begin a handshake, as a message was sent by an old session of ours */
  isDueAfterSending(now: Millis, { isInitiator, createdAt, counter }: Keypair): boolean {
    return (isInitiator && now - createdAt > this.#timers.rekeyAfterTimeMs) || counter.isOld;
  }

  /**
   * Once for each session: who receives alone would find it ended.
   * @returns whether to begin a handshake, as a message was received and the session in use, if ours, ends before a
   * keepalive and an attempt would
   */
  isDueAfterReceiving(now: Millis, current: Keypair | undefined): boolean {
    if (this.#hasBegun || current === undefined || !current.isInitiator) return false;
    const { rejectAfterTimeMs, keepaliveTimeoutMs, rekeyTimeoutMs } = this.#timers;
    if (now - current.createdAt < rejectAfterTimeMs - keepaliveTimeoutMs - rekeyTimeoutMs) return false;
    return this.#hasBegun = true;
  }
}
