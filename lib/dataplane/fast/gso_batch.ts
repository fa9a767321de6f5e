/**
 * Gathering sealed superpackets for one endpoint into a GSO batch, so that one send takes as many datagrams as it can.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";
import type { SealedBatch } from "../../crypto/mod.ts";

/** A batch of this length is sent; what one send takes is a little more. */
const FULL_BYTES = 60_000;

/** Where a batch is gathered, and who sends it. */
export interface GsoBatchParts {
  /** Where it lies in the cipher's memory, and how much room is there. */
  readonly at: number;
  readonly roomBytes: number;
  /** Sends datagrams of `segmentBytes` each, the last perhaps shorter. */
  readonly send: (at: number, lengthBytes: number, segmentBytes: number, destination: Endpoint) => void;
}

/** Datagrams of one size for one endpoint, one behind the other; only the last may be shorter. */
export class GsoBatch {
  readonly #parts: GsoBatchParts;
  #lengthBytes = 0;
  #segmentBytes = 0;
  #endsShort = false;
  #destination: Endpoint | undefined;

  constructor(parts: GsoBatchParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#lengthBytes === 0;
  }

  /** Where the next superpacket is to be sealed. */
  get end(): number {
    return this.#parts.at + this.#lengthBytes;
  }

  /** How much room is left there. */
  get roomBytes(): number {
    return this.#parts.roomBytes - this.#lengthBytes;
  }

  /** Makes ready for a superpacket to `destination`: sends what it can't follow. */
  prepare(destination: Endpoint): void {
    if (destination !== this.#destination || this.#endsShort) this.flush();
  }

  /** Takes what was sealed at `end`. */
  append(sealed: SealedBatch, destination: Endpoint): void {
    const { lengthBytes, segmentBytes, packets } = sealed;
    if (this.isEmpty) this.#segmentBytes = segmentBytes;
    else if (segmentBytes !== this.#segmentBytes && (packets > 1 || segmentBytes > this.#segmentBytes)) {
      // Of another size, and not a single shorter one at the end: it goes by itself, behind what was gathered.
      const at = this.end;
      this.flush();
      this.#parts.send(at, lengthBytes, segmentBytes, destination);
      return;
    }
    this.#destination = destination;
    this.#lengthBytes += lengthBytes;
    this.#endsShort = lengthBytes < packets * this.#segmentBytes;
    if (this.#lengthBytes >= FULL_BYTES) this.flush();
  }

  /** Sends what was gathered. */
  flush(): void {
    if (this.#lengthBytes > 0 && this.#destination !== undefined) {
      this.#parts.send(this.#parts.at, this.#lengthBytes, this.#segmentBytes, this.#destination);
    }
    this.#lengthBytes = 0;
    this.#endsShort = false;
    this.#destination = undefined;
  }
}
