/**
 * The encapsulation of a network whose packets all have the same header.
 * @module
 */

import type { DecodedHeader, DecodeFailure, Encapsulation, PayloadKind } from "../lib/overlay/mod.ts";

/** Puts the same bytes before each payload. */
export class ConstantHeader implements Encapsulation {
  readonly identifier: number;
  readonly payload: PayloadKind;
  readonly headerBytes: number;
  readonly isPerPacket = false;
  readonly #header: Uint8Array;

  /** @param header what stands before each payload */
  constructor(identifier: number, payload: PayloadKind, header: Uint8Array) {
    this.identifier = identifier;
    this.payload = payload;
    this.headerBytes = header.length;
    this.#header = header;
  }

  encode(bytes: Uint8Array, at: number, _payloadBytes: number, _flow: number): void {
    const header = this.#header;
    const start = at - header.length;
    // For so few bytes a loop is faster than `set`.
    for (let i = 0; i < header.length; i++) bytes[start + i] = header[i] ?? 0;
  }

  accept(_bytes: Uint8Array, header: DecodedHeader): DecodeFailure | undefined {
    return header.payload === this.payload ? undefined : "unknown-protocol";
  }
}
