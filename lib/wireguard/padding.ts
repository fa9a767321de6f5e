/**
 * Padding of inner packets, so that their lengths tell less (WireGuard paper §5.4.6).
 * @module
 */

import { PADDING_BYTES } from "./constants.ts";

/** Pads to multiples of 16 bytes, though never beyond the MTU; one memory and its views serve every packet. */
export class Padder {
  readonly #mtuBytes: number;
  readonly #memory: Uint8Array;
  readonly #views: (Uint8Array | undefined)[];

  constructor(mtuBytes: number) {
    this.#mtuBytes = mtuBytes;
    this.#memory = new Uint8Array(mtuBytes);
    this.#views = new Array(Math.ceil(mtuBytes / PADDING_BYTES) + 1);
  }

  /** @returns `packet` itself when it needs no padding, else a padded copy that is valid until the next call */
  pad(packet: Uint8Array): Uint8Array {
    const units = Math.ceil(packet.length / PADDING_BYTES);
    const length = Math.min(units * PADDING_BYTES, this.#mtuBytes);
    if (length <= packet.length) return packet;
    const padded = this.#views[units] ??= this.#memory.subarray(0, length);
    padded.set(packet);
    padded.fill(0, packet.length);
    return padded;
  }
}
