/**
 * Sending and receiving trains of datagrams through one socket, in memory that the cipher shares.
 * @module
 */

import type { RawCalls } from "../../host/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { RECEIVER_AREA_BYTES, TrainReceiver } from "./train_receiver.ts";
import { type SendDrop, SENDER_AREA_BYTES, TrainSender } from "./train_sender.ts";

const RECEIVER_AT: number = Math.ceil(SENDER_AREA_BYTES / 64) * 64;
/** How much memory the structures take that the host's kernel reads and writes. */
export const UDP_AREA_BYTES: number = RECEIVER_AT + RECEIVER_AREA_BYTES;

/** What the trains work with. */
export interface UdpTrainsParts {
  readonly io: RawCalls;
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** Where the structures lie in the memory, on a multiple of 64. */
  readonly area: number;
  /** Where received datagrams go: room for `RECEIVE_ROOM_BYTES`. */
  readonly receiveAt: number;
  readonly fd: number;
  readonly family: 4 | 6;
  readonly hasGso: boolean;
  readonly onDrop: (reason: SendDrop, datagrams: number) => void;
}

/** One socket's trains, both ways. */
export class UdpTrains {
  readonly receiver: TrainReceiver;
  readonly #sender: TrainSender;

  constructor(parts: UdpTrainsParts) {
    this.#sender = new TrainSender(parts);
    this.receiver = new TrainReceiver({ ...parts, area: parts.area + RECEIVER_AT });
  }

  /** Whether trains are sent as such; a socket that can't is found out while sending. */
  get hasGso(): boolean {
    return this.#sender.hasGso;
  }

  /** Sends datagrams of `segmentBytes` each, the last perhaps shorter, that lie one after the other at `at`. */
  send(at: number, lengthBytes: number, segmentBytes: number, destination: Endpoint): void {
    this.#sender.send(at, lengthBytes, segmentBytes, destination);
  }

  /** Who sent train `index`; answers will leave from the address that it came to. */
  source(index: number): Endpoint {
    return this.receiver.source(index);
  }
}
