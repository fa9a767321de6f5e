/**
 * Datagrams that wait to be sent, in memory that is used again.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";

/** A datagram to send. */
export interface Transmit {
  /** Valid until the next call of anything on the device; then its memory is used again. */
  readonly datagram: Uint8Array;
  readonly destination: Endpoint;
}

const SLOTS = 512;

interface Slot {
  memory: Uint8Array;
  datagram: Uint8Array;
  destination: Endpoint;
}

/** A ring of buffers: `claim` fills the next one, `shift` hands out the oldest. */
export class TransmitQueue {
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS);
  readonly #slotBytes: number;
  #head = 0;
  #size = 0;

  /** @param slotBytes enough for the usual datagram; longer ones get memory of their own */
  constructor(slotBytes: number) {
    this.#slotBytes = slotBytes;
  }

  /** Whether there is no room. */
  get isFull(): boolean {
    return this.#size === SLOTS;
  }

  /**
   * Appends a datagram; the caller fills it in before anything else happens, and has seen that there is room.
   * @returns `lengthBytes` of memory with arbitrary content
   */
  claim(lengthBytes: number, destination: Endpoint): Uint8Array {
    const index = (this.#head + this.#size) % SLOTS;
    this.#size++;
    let slot = this.#slots[index];
    if (slot === undefined || slot.memory.length < lengthBytes) {
      const memory = new Uint8Array(Math.max(this.#slotBytes, lengthBytes));
      slot = this.#slots[index] = { memory, datagram: memory, destination };
    }
    if (slot.datagram.length !== lengthBytes) slot.datagram = slot.memory.subarray(0, lengthBytes);
    slot.destination = destination;
    return slot.datagram;
  }

  /** @returns the oldest datagram, or undefined */
  shift(): Transmit | undefined {
    if (this.#size === 0) return undefined;
    const slot = this.#slots[this.#head];
    this.#head = (this.#head + 1) % SLOTS;
    this.#size--;
    return slot;
  }
}
