/**
 * Handshakes that wait until packets have been carried, so that a flood of them holds no session up.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { DatagramQueue, type Device, isHandshake } from "../../wireguard/mod.ts";
import type { ReceivedBatches } from "./udp/mod.ts";

/** A turn works so long on handshakes before it looks at packets again. */
const BUDGET_MS = 0.5;
/** As many as Linux keeps (`MAX_QUEUED_INCOMING_HANDSHAKES`): at some microseconds each, 40 ms of work. */
const MAX_HANDSHAKES = 4096;
/** The longest of them. */
const HANDSHAKE_BYTES = 148;

/** The backlog of one engine. */
export class HandshakeBacklog {
  readonly #device: Device;
  readonly #clock: () => Millis;
  readonly #queue = new DatagramQueue(MAX_HANDSHAKES, HANDSHAKE_BYTES);

  constructor(device: Device, clock: () => Millis) {
    this.#device = device;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  /** Forgets all. */
  clear(): void {
    this.#queue.clear();
  }

  /** Takes what is no packet of a session. @param receiver has received it, in `batch` */
  take(bytes: Uint8Array, at: number, lengthBytes: number, receiver: ReceivedBatches, batch: number): void {
    const { counters } = this.#device;
    // What goes no further may come in a flood: it costs no copy, and nobody asks whose it is.
    if (!isHandshake(bytes, at, lengthBytes)) counters.count("malformed-datagram");
    else if (this.#queue.isFull) counters.count("too-many-handshakes");
    else {
      const copy = this.#queue.claim(lengthBytes, receiver.source(batch));
      for (let i = 0; i < lengthBytes; i++) copy[i] = bytes[at + i] ?? 0;
    }
  }

  /** Hands some to the device. */
  work(now: Millis): void {
    if (this.#queue.isEmpty) return;
    const until = this.#clock() + BUDGET_MS;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#device.handleDatagram(now, next.datagram, next.endpoint);
      if (this.#clock() > until) return;
    }
  }
}
