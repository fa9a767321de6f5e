/**
 * Handshake messages and cookie replies that wait until packets have been carried, so that a flood of them holds no
 * session up.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";

/** The lengths of an initiation, a response and a cookie reply (WireGuard paper §5.4.2, §5.4.3, §5.4.7). */
const INITIATION_BYTES = 148;
const RESPONSE_BYTES = 92;
const COOKIE_REPLY_BYTES = 64;
const SLOT_BYTES = INITIATION_BYTES;
/** As many as Linux keeps (`MAX_QUEUED_INCOMING_HANDSHAKES`): at some microseconds each, 40 ms of work. */
const SLOTS = 4096;

/** A handshake message. */
export interface WaitingHandshake {
  /** Valid until the next call of `push`; then its memory is used again. */
  readonly datagram: Uint8Array;
  readonly source: Endpoint;
}

interface Slot {
  datagram: Uint8Array;
  source: Endpoint;
}

/** First in, first out; when it is full, a new one is refused. */
export class HandshakeBacklog {
  readonly #memory = new Uint8Array(SLOTS * SLOT_BYTES);
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS);
  #head = 0;
  #size = 0;

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** Whether there is no room. */
  get isFull(): boolean {
    return this.#size === SLOTS;
  }

  /** Copies `lengthBytes` from `memory`. @returns false when there is no room */
  push(memory: Uint8Array, at: number, lengthBytes: number, source: Endpoint): boolean {
    if (this.isFull) return false;
    const index = (this.#head + this.#size++) % SLOTS;
    const start = index * SLOT_BYTES;
    for (let i = 0; i < lengthBytes; i++) this.#memory[start + i] = memory[at + i] ?? 0;
    let slot = this.#slots[index];
    if (slot?.datagram.length !== lengthBytes) {
      slot = this.#slots[index] = { datagram: this.#memory.subarray(start, start + lengthBytes), source };
    }
    slot.source = source;
    return true;
  }

  /** Forgets all that wait. */
  clear(): void {
    this.#size = 0;
  }

  /** @returns the one that waits longest, or undefined */
  shift(): WaitingHandshake | undefined {
    if (this.#size === 0) return undefined;
    const oldest = this.#slots[this.#head];
    this.#head = (this.#head + 1) % SLOTS;
    this.#size--;
    return oldest;
  }
}

/** @returns whether a datagram is as long as a handshake message or a cookie reply, and says that it is one */
export function isHandshake(memory: Uint8Array, at: number, lengthBytes: number): boolean {
  return lengthBytes === INITIATION_BYTES && memory[at] === 1 ||
    lengthBytes === RESPONSE_BYTES && memory[at] === 2 ||
    lengthBytes === COOKIE_REPLY_BYTES && memory[at] === 3;
}
