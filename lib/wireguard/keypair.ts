/**
 * The keys of a session, and which of a peer's sessions are in use (WireGuard paper §6.3).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { AeadKey } from "../crypto/mod.ts";
import { LocalCounter, type SendCounter } from "./send_counter.ts";

/** What a handshake says of the session that it begins. */
export type SessionFields = Pick<Keypair, "isInitiator" | "localIndex" | "remoteIndex">;

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
  /** Of the messages that are sent. Whoever replaces it goes on where it was. */
  counter: SendCounter = new LocalCounter();

  constructor(parts: SessionFields & Pick<Keypair, "createdAt" | "sendKey" | "receiveKey">) {
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

/** As the reference; the ring below has 8,192 bits, so that clearing whole words never reaches into the window. */
const WINDOW_COUNTERS = 8_128;
const WORDS = 256;
const WORD_MASK = WORDS - 1;

/** A sliding window over the greatest counter: every counter is accepted once, and not when it is too old. */
export class ReplayWindow {
  readonly #seen = new Int32Array(WORDS);
  #greatest = -1;

  /** @returns whether `counter` may still be accepted; it is not remembered */
  isFresh(counter: number): boolean {
    if (counter > this.#greatest) return true;
    if (this.#greatest - counter >= WINDOW_COUNTERS) return false;
    const word = this.#seen[Math.floor(counter / 32) & WORD_MASK] ?? 0;
    return (word & (1 << (counter & 31))) === 0;
  }

  /** Remembers `counter`, which is fresh and whose packet is authentic. */
  accept(counter: number): void {
    const at = Math.floor(counter / 32);
    if (counter > this.#greatest) {
      const current = Math.floor(Math.max(0, this.#greatest) / 32);
      const cleared = Math.min(at - current, WORDS);
      for (let i = 1; i <= cleared; i++) this.#seen[(current + i) & WORD_MASK] = 0;
      this.#greatest = counter;
    }
    const index = at & WORD_MASK;
    this.#seen[index] = (this.#seen[index] ?? 0) | (1 << (counter & 31));
  }
}
