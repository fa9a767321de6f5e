/**
 * Envelopes inside the stream that the records carry; records and envelopes begin and end independently.
 *
 * ```
 *    0        4
 *   +--------+----------+
 *   | length | Envelope |      length: big-endian, of what follows
 *   +--------+----------+
 * ```
 *
 * @module
 */

import { decodeMessage, encodeMessage, EnvelopeSchema } from "../proto/mod.ts";

/** What owners of topics send to each other. */
export interface ChannelMessage {
  /** Who it is for: at most 255 bytes of UTF-8. */
  readonly topic: string;
  /** The channel does not look inside. */
  readonly body: Uint8Array;
}

/** What one envelope says. */
export type Envelope =
  | { readonly kind: "ping" | "pong"; readonly number: number }
  | { readonly kind: "close"; readonly reason: string }
  | { readonly kind: "payload"; readonly message: ChannelMessage };

/** The longest topic, in bytes of UTF-8. */
export const MAX_TOPIC_BYTES = 255;

/** The longest body unless an option says otherwise. */
export const MAX_MESSAGE_BYTES: number = 1 << 20;

const LENGTH_BYTES = 4;

// The topic, the reason of a close, and the tags and lengths of the protobuf fields.
const ENVELOPE_OVERHEAD_BYTES = 512;

/** @returns the envelope with its length before it */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const bytes = encodeMessage(EnvelopeSchema, { kind: oneof(envelope) });
  const out = new Uint8Array(LENGTH_BYTES + bytes.length);
  new DataView(out.buffer).setUint32(0, bytes.length);
  out.set(bytes, LENGTH_BYTES);
  return out;
}

function oneof(envelope: Envelope) {
  switch (envelope.kind) {
    case "payload":
      return { case: "payload", value: envelope.message } as const;
    case "close":
      return { case: "close", value: { reason: envelope.reason } } as const;
    default:
      return { case: envelope.kind, value: { number: envelope.number } } as const;
  }
}

/** @returns what the bytes say, or undefined when they are no envelope or one of an unknown kind */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  const kind = decodeMessage(EnvelopeSchema, bytes, bytes.length)?.kind;
  switch (kind?.case) {
    case "ping":
    case "pong":
      return { kind: kind.case, number: kind.value.number };
    case "close":
      return { kind: "close", reason: kind.value.reason };
    case "payload":
      return { kind: "payload", message: { topic: kind.value.topic, body: kind.value.body } };
    default:
      return undefined;
  }
}

/** Puts envelopes together from the plaintext of records. */
export class EnvelopeReader {
  readonly #maxBytes: number;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthFilled = 0;
  #body: Uint8Array | undefined;
  #bodyFilled = 0;
  #piece: Uint8Array = new Uint8Array(0);

  /** @param maxMessageBytes the longest body of a message; an envelope may be a little longer */
  constructor(maxMessageBytes: number) {
    this.#maxBytes = maxMessageBytes + ENVELOPE_OVERHEAD_BYTES;
  }

  /**
   * Hands in the plaintext of the next record; the one before must have been used up.
   * @throws TypeError when it has not
   */
  append(plaintext: Uint8Array): void {
    if (this.#piece.length > 0) throw new TypeError("Cannot append: the piece before is not used up");
    this.#piece = plaintext;
  }

  /** @returns the next envelope's bytes; undefined when it has not arrived in full; or that it is too long */
  next(): Uint8Array | "too-long" | undefined {
    if (this.#body === undefined) {
      this.#lengthFilled += this.#take(this.#length, this.#lengthFilled);
      if (this.#lengthFilled < LENGTH_BYTES) return undefined;
      const length = new DataView(this.#length.buffer).getUint32(0);
      if (length > this.#maxBytes) return "too-long";
      this.#body = new Uint8Array(length);
    }
    this.#bodyFilled += this.#take(this.#body, this.#bodyFilled);
    if (this.#bodyFilled < this.#body.length) return undefined;
    const body = this.#body;
    this.#body = undefined;
    this.#bodyFilled = 0;
    this.#lengthFilled = 0;
    return body;
  }

  #take(out: Uint8Array, at: number): number {
    const taken = this.#piece.subarray(0, out.length - at);
    out.set(taken, at);
    this.#piece = this.#piece.subarray(taken.length);
    return taken.length;
  }
}
