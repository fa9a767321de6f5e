/**
 * The keys of a session, and which of a peer's sessions are in use (WireGuard paper §6.3).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { AeadKey } from "../crypto/mod.ts";
import { ReplayWindow } from "./replay_window.ts";

/** One session: two keys, two counters. */
export class Keypair {
  readonly createdAt: Millis;
  /** Whether our initiation began it; only the initiator rekeys by age. */
  readonly isInitiator: boolean;
  /** The index at which the peer addresses us. */
  readonly localIndex: number;
  /** The index at which we address the peer. */
  readonly remoteIndex: number;
  readonly receiving: ReplayWindow = new ReplayWindow();
  readonly sendKey: AeadKey;
  readonly receiveKey: AeadKey;
  /** The counter of the next message. */
  sendCounter = 0;

  constructor(parts: {
    readonly createdAt: Millis;
    readonly isInitiator: boolean;
    readonly localIndex: number;
    readonly remoteIndex: number;
    readonly sendKey: AeadKey;
    readonly receiveKey: AeadKey;
  }) {
    this.createdAt = parts.createdAt;
    this.isInitiator = parts.isInitiator;
    this.localIndex = parts.localIndex;
    this.remoteIndex = parts.remoteIndex;
    this.sendKey = parts.sendKey;
    this.receiveKey = parts.receiveKey;
  }

  /** Overwrites the keys. */
  wipe(): void {
    this.sendKey.wipe();
    this.receiveKey.wipe();
  }
}

/** The sessions of one peer: `current` sends, all three receive. */
export class Keypairs {
  previous: Keypair | undefined;
  current: Keypair | undefined;
  /** Made as responder, and not used by the initiator yet: sending on it before would be too early. */
  next: Keypair | undefined;
  readonly #discard: (keypair: Keypair) => void;

  /** @param discard is told every keypair that is no longer of use */
  constructor(discard: (keypair: Keypair) => void) {
    this.#discard = discard;
  }

  /** Takes the keys of a handshake that has just been completed. */
  add(keypair: Keypair): void {
    if (keypair.isInitiator) {
      if (this.next === undefined) this.#replacePrevious(this.current);
      else {
        // The peer began a handshake too, and may be sending on that session.
        const { next } = this;
        this.next = undefined;
        this.#drop(this.current);
        this.#replacePrevious(next);
      }
      this.current = keypair;
    } else {
      this.#drop(this.next);
      this.#replacePrevious(undefined);
      this.next = keypair;
    }
  }

  /** The initiator has used `keypair`. @returns whether that made it the current one */
  confirm(keypair: Keypair): boolean {
    if (keypair !== this.next) return false;
    this.#replacePrevious(this.current);
    this.current = keypair;
    this.next = undefined;
    return true;
  }

  /** Forgets all sessions. */
  clear(): void {
    for (const keypair of [this.previous, this.current, this.next]) this.#drop(keypair);
    this.previous = this.current = this.next = undefined;
  }

  #replacePrevious(keypair: Keypair | undefined): void {
    this.#drop(this.previous);
    this.previous = keypair;
  }

  #drop(keypair: Keypair | undefined): void {
    if (keypair !== undefined) this.#discard(keypair);
  }
}
