/**
 * Sending GSO batches and receiving GRO batches through one UDP socket, in memory that the batch cipher shares.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";
import { GroReceiver, type GroReceiverParts, RECEIVER_AREA_BYTES } from "./gro_receiver.ts";
import { GsoSender, type GsoSenderParts, SENDER_AREA_BYTES } from "./gso_sender.ts";

const RECEIVER_AT: number = Math.ceil(SENDER_AREA_BYTES / 64) * 64;
/** How much memory the structures take that the host's kernel reads and writes. */
export const UDP_AREA_BYTES: number = RECEIVER_AT + RECEIVER_AREA_BYTES;

/** Descriptor, memory and drop counter of a socket; `area` has room for `UDP_AREA_BYTES`. */
export type BatchSocketParts = GsoSenderParts & GroReceiverParts;

/** One UDP socket: `GsoSender` out, `GroReceiver` in. */
export class BatchSocket {
  readonly receiver: GroReceiver;
  readonly #sender: GsoSender;

  constructor(parts: BatchSocketParts) {
    this.#sender = new GsoSender(parts);
    this.receiver = new GroReceiver({ ...parts, area: parts.area + RECEIVER_AT });
  }

  /** Whether batches are sent by GSO; a socket that can't is found out while sending. */
  get hasGso(): boolean {
    return this.#sender.hasGso;
  }

  /** Sends datagrams of `segmentBytes` each, the last perhaps shorter, that lie one after the other at `at`. */
  send(at: number, lengthBytes: number, segmentBytes: number, destination: Endpoint): void {
    this.#sender.send(at, lengthBytes, segmentBytes, destination);
  }

  /** Who sent batch `index`; answers will leave from the address that it came to. */
  source(index: number): Endpoint {
    return this.receiver.source(index);
  }
}
