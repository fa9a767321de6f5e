/**
 * What another worker has received and handed over, in the memory of the first one's cipher: as if that had received it.
 * @module
 */

import { type ReceivedEndpoint, SocketAddressReader } from "../../../host/mod.ts";
import type { ReceivedBatches } from "../udp/mod.ts";
import { HANDED_DATAGRAMS_AT } from "../engine_memory.ts";
import type { TakenBatch } from "./receive_handover.ts";

const CALLED_AT = 32;

/** One batch at a time. */
export class HandedBatches implements ReceivedBatches {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #reader = new SocketAddressReader();
  #batch: TakenBatch | undefined;

  /** @param at where there is room for `HANDED_DATAGRAMS_AT + MAX_HANDED_BYTES` bytes in `memory`, on a multiple of 64 */
  constructor(memory: WebAssembly.Memory, at: number) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#start = at;
  }

  /** Holds this batch from now on. */
  take(batch: TakenBatch): void {
    this.#batch = batch;
    this.#bytes.set(batch.source, this.#start);
    this.#bytes.set(batch.called, this.#start + CALLED_AT);
    this.#bytes.set(batch.datagrams, this.at());
  }

  at(): number {
    return this.#start + HANDED_DATAGRAMS_AT;
  }

  lengthBytes(): number {
    return this.#batch?.datagrams.length ?? 0;
  }

  segmentBytes(): number {
    return this.#batch?.segmentBytes ?? 0;
  }

  datagrams(): number {
    return Math.ceil(this.lengthBytes() / Math.max(1, this.segmentBytes()));
  }

  source(): ReceivedEndpoint {
    const isKnown = (this.#batch?.called.length ?? 0) > 0;
    return this.#reader.read(this.#bytes, this.#start, isKnown ? this.#start + CALLED_AT : 0);
  }
}
