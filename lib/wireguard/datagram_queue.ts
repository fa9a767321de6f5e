/**
 * Datagrams that wait, to be sent or to be worked on, in memory that is used again.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";

/** A datagram and its other end: where it goes, or who has sent it. */
export interface AddressedDatagram {
  /** Valid until the next call of anything on whoever gave it; then its memory is used again. */
  readonly datagram: Uint8Array;
  readonly endpoint: Endpoint;
}

interface Slot {
  memory: Uint8Array;
  datagram: Uint8Array;
  endpoint: Endpoint;
}

/** A ring of buffers: `claim` fills the next one, `shift` hands out the oldest. */
export class DatagramQueue {
  readonly #slots: (Slot | undefined)[];
  readonly #slotBytes: number;
  #head = 0;
  #size = 0;

  /**
   * @param slots how many datagrams it holds
   * @param slotBytes enough for the usual datagram; longer ones get memory of their own
   */
  constructor(slots: number, slotBytes: number) {
    this.#slots = new Array(slots);
    this.#slotBytes = slotBytes;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** Whether there is no room. */
  get isFull(): boolean {
    return this.#size === this.#slots.length;
  }

  /**
   * Appends a datagram; the caller fills it in before anything else happens, and has seen that there is room.
   * @returns `lengthBytes` of memory with arbitrary content
   */
  claim(lengthBytes: number, endpoint: Endpoint): Uint8Array {
    const index = (this.#head + this.#size) % this.#slots.length;
    this.#size++;
    let slot = this.#slots[index];
    if (slot === undefined || slot.memory.length < lengthBytes) {
      const memory = new Uint8Array(Math.max(this.#slotBytes, lengthBytes));
      slot = this.#slots[index] = { memory, datagram: memory, endpoint };
    }
    if (slot.datagram.length !== lengthBytes) slot.datagram = slot.memory.subarray(0, lengthBytes);
    slot.endpoint = endpoint;
    return slot.datagram;
  }

  /** @returns the oldest datagram, or undefined */
  shift(): AddressedDatagram | undefined {
    if (this.#size === 0) return undefined;
    const slot = this.#slots[this.#head];
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#size--;
    return slot;
  }

  /** Forgets all that wait. */
  clear(): void {
    this.#size = 0;
  }
}
