/**
 * The plaintext of a record while it fills.
 * @module
 */

import { EnvelopeKind, envelopeLength, type Pieces, piecesLength, writeEnvelope } from "./envelope_codec.ts";

const FIRST_BYTES = 2_048;

/** Whole envelopes, one behind the other. */
export class RecordBlock {
  /** How much of `bytes` is filled. */
  length = 0;
  /** How many messages are in it. */
  messages = 0;
  /** How many of them waited for room, and their bytes. */
  sent = 0;
  sentBytes = 0;
  #bytes: Uint8Array;

  /** @param capacityBytes how many bytes it can hold before it grows */
  constructor(capacityBytes: number = FIRST_BYTES) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  /** @returns what is filled from `at` on, `most` bytes at most; a view */
  cut(at: number, most: number): Uint8Array {
    return this.#bytes.subarray(at, Math.min(this.length, at + most));
  }

  /** How many bytes it can hold before it grows. */
  get capacityBytes(): number {
    return this.#bytes.length;
  }

  /** Adds an envelope; the parameters are those of `writeEnvelope`. */
  append(kind: EnvelopeKind, number: number, value: number, text: Uint8Array, data: Pieces): void {
    this.#reserve(envelopeLength(number, value, text.length, piecesLength(data)));
    this.length = writeEnvelope(this.#bytes, this.length, kind, number, value, text, data);
  }

  /** Adds a message's envelope. @param length what `envelopeLength` says of it */
  appendMessage(length: number, topic: Uint8Array, body: Pieces): void {
    this.#reserve(length);
    this.length = writeEnvelope(this.#bytes, this.length, EnvelopeKind.payload, 0, 0, topic, body);
    this.messages++;
  }

  /** Adds an envelope that was written before. */
  appendEncoded(envelope: Uint8Array): void {
    this.#reserve(envelope.length);
    this.#bytes.set(envelope, this.length);
    this.length += envelope.length;
  }

  /** Makes it empty again. */
  reset(): void {
    this.length = 0;
    this.messages = this.sent = this.sentBytes = 0;
  }

  #reserve(moreBytes: number): void {
    const needed = this.length + moreBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.cut(0, this.length));
    this.#bytes = larger;
  }
}
