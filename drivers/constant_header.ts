/**
 * The encapsulation of a network whose packets all have the same header.
 * @module
 */

import type { DecodedHeader, DecodeFailure, Encapsulation, PayloadKind } from "../lib/overlay/mod.ts";

/** Puts the same bytes before each payload. */
export class ConstantHeader implements Encapsulation {
  /** See `Encapsulation`. */
  readonly identifier: number;
  /** See `Encapsulation`. */
  readonly payload: PayloadKind;
  /** How long the header is. */
  readonly headerBytes: number;
  /** Never: it is the same for all. */
  readonly isPerPacket: boolean = false;
  readonly #header: Uint8Array;

  /** Makes one for a network. @param header what stands before each payload */
  constructor(identifier: number, payload: PayloadKind, header: Uint8Array) {
    this.identifier = identifier;
    this.payload = payload;
    this.headerBytes = header.length;
    this.#header = header;
  }

  /** Writes the header before the payload at `at`. */
  encode(bytes: Uint8Array, at: number, _payloadBytes: number, _flow: number): void {
    const header = this.#header;
    const start = at - header.length;
    // For so few bytes a loop is faster than `set`.
    for (let i = 0; i < header.length; i++) bytes[start + i] = header[i] ?? 0;
  }

  /** Refuses what carries another kind of payload. */
  accept(_bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    return header.payload === this.payload ? undefined : "unknown-protocol";
  }
}
