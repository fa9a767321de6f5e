/**
 * The keys of a session, and which of a peer's sessions are in use (WireGuard paper §6.3).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Aead, AeadKey } from "../crypto/mod.ts";
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

  /** @param keys one for each direction, which are overwritten */
  static of(
    fields: SessionFields & Pick<Keypair, "createdAt">,
    aead: Pick<Aead, "key">,
    { send, receive }: { readonly send: Uint8Array; readonly receive: Uint8Array },
  ): Keypair {
    const keypair = new Keypair({ ...fields, sendKey: aead.key(send), receiveKey: aead.key(receive) });
    send.fill(0);
    receive.fill(0);
    return keypair;
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
const GREATEST = 0;
const LEAST = 1;

/** What a window is made of. */
export interface WindowMemory {
  /** The greatest counter that was accepted, -1 before, and the least that still may be. */
  readonly ends: Float64Array;
  /** A bit for each counter of the window, where its lowest 13 bits say. */
  readonly seen: Int32Array;
}

/** How long the parts of a `WindowMemory` are. */
export const WINDOW_LENGTHS = { ends: 2, seen: 256 } as const;

const WORD_MASK: number = WINDOW_LENGTHS.seen - 1;

/**
 * A sliding window over the greatest counter: every counter is accepted once, and not when it is too old.
 *
 * Threads may share its memory: one at a time asks and accepts. For all others `isFresh` is a hint, which may say yes for
 * a counter that was just accepted, and says no for none that was not, where others see writes in their order, as on
 * x86; elsewhere a packet could be lost by it, and none is taken twice. Whoever accepts may stop anywhere: the least
 * counter goes up before bits are cleared.
 */
export class ReplayWindow {
  #ends: Float64Array;
  #seen: Int32Array;

  /** @param memory of another window, which is this one then; its own unless given */
  constructor(memory?: WindowMemory) {
    this.#ends = memory?.ends ?? Float64Array.of(-1, 0);
    this.#seen = memory?.seen ?? new Int32Array(WINDOW_LENGTHS.seen);
  }

  /** Goes on in other memory, as it is. */
  moveTo({ ends, seen }: WindowMemory): void {
    seen.set(this.#seen);
    ends.set(this.#ends);
    this.#ends = ends;
    this.#seen = seen;
  }

  /** @returns whether `counter` may still be accepted; it is not remembered */
  isFresh(counter: number): boolean {
    if (counter > (this.#ends[GREATEST] ?? 0)) return true;
    if (counter < (this.#ends[LEAST] ?? 0)) return false;
    const word = this.#seen[Math.floor(counter / 32) & WORD_MASK] ?? 0;
    return (word & (1 << (counter & 31))) === 0;
  }

  /** Remembers `counter`, which is fresh and whose packet is authentic. */
  accept(counter: number): void {
    const at = Math.floor(counter / 32);
    const greatest = this.#ends[GREATEST] ?? 0;
    if (counter > greatest) {
      this.#ends[LEAST] = Math.max(0, counter - WINDOW_COUNTERS + 1);
      const current = Math.floor(Math.max(0, greatest) / 32);
      const cleared = Math.min(at - current, WINDOW_LENGTHS.seen);
      for (let i = 1; i <= cleared; i++) this.#seen[(current + i) & WORD_MASK] = 0;
      this.#ends[GREATEST] = counter;
    }
    const index = at & WORD_MASK;
    this.#seen[index] = (this.#seen[index] ?? 0) | (1 << (counter & 31));
  }
}
