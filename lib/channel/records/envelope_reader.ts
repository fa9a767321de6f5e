/**
 * Envelopes inside the stream that the records carry; records and envelopes begin and end independently.
 * @module
 */

import { type MemoryAccount, UNBOUNDED_ACCOUNT } from "../../base/mod.ts";
import { LENGTH_BYTES } from "./envelope_codec.ts";

/** A message between two programs that know the topic. */
export interface ChannelMessage {
  /** Who it is for: at most 255 bytes of UTF-8. */
  readonly topic: string;
  /** The channel does not look inside. */
  readonly body: Uint8Array;
}

/** The longest topic, in bytes of UTF-8. */
export const MAX_TOPIC_BYTES = 255;

/** The longest body unless an option says otherwise. */
export const MAX_MESSAGE_BYTES: number = 1 << 20;

// The topic, the reason of a close, and the tags and lengths of the protobuf fields.
const ENVELOPE_OVERHEAD_BYTES = 512;

/** Room for the beginning of an envelope that comes in several records; more is taken as it comes. */
const FIRST_ROOM_BYTES = 64 * 1_024;

const NOTHING = new Uint8Array(0);

/**
 * Finds envelopes in the plaintext of records. One that lies whole in a record stays where it is; others are put
 * together.
 */
export class EnvelopeReader {
  /** Holds the last envelope that was found, from `start` to `end`; valid until the next call. */
  bytes: Uint8Array = NOTHING;
  /** Where the last envelope begins. */
  start = 0;
  /** Where the last envelope ends. */
  end = 0;

  /** What an envelope in several records takes its room from. One always has it, so that nothing is ever stuck. */
  memory: MemoryAccount = UNBOUNDED_ACCOUNT;

  readonly #maxBytes: number;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthFilled = 0;
  #body: Uint8Array | undefined;
  #bodyLength = 0;
  #bodyFilled = 0;
  #chargedBytes = 0;
  #piece: Uint8Array = NOTHING;
  #at = 0;

  /** @param maxMessageBytes the longest body of a message; an envelope may be a little longer */
  constructor(maxMessageBytes: number) {
    this.#maxBytes = maxMessageBytes + ENVELOPE_OVERHEAD_BYTES;
  }

  /**
   * Hands in the plaintext of the next record; the one before must have been used up.
   * @throws TypeError when it has not
   */
  append(plaintext: Uint8Array): void {
    if (this.#at < this.#piece.length) throw new TypeError("Cannot append: the piece before is not used up");
    this.#piece = plaintext;
    this.#at = 0;
  }

  /** @returns whether `bytes` hold the next envelope, or it has not arrived in full, or it is too long */
  next(): "found" | "incomplete" | "too-long" {
    if (this.#body === undefined) {
      this.release();
      const whole = this.#lengthFilled === 0 ? this.#nextWhole() : undefined;
      if (whole !== undefined) return whole;
      this.#lengthFilled += this.#take(this.#length, this.#lengthFilled);
      if (this.#lengthFilled < LENGTH_BYTES) return "incomplete";
      const length = readLength(this.#length, 0);
      if (length > this.#maxBytes) return "too-long";
      this.#bodyLength = length;
      this.#body = this.#room(FIRST_ROOM_BYTES);
    }
    let body = this.#body;
    for (;;) {
      this.#bodyFilled += this.#take(body, this.#bodyFilled);
      if (this.#bodyFilled === this.#bodyLength) break;
      if (this.#bodyFilled < body.length) return "incomplete";
      const longer = this.#room(2 * body.length);
      longer.set(body);
      this.#body = body = longer;
    }
    this.bytes = body;
    this.start = 0;
    this.end = this.#bodyLength;
    this.#body = undefined;
    this.#bodyFilled = 0;
    this.#lengthFilled = 0;
    return "found";
  }

  /** Gives the room back that the last envelope took. */
  release(): void {
    if (this.#chargedBytes === 0) return;
    this.memory.release(this.#chargedBytes);
    this.#chargedBytes = 0;
    this.bytes = NOTHING;
  }

  /** Takes no room for what was only announced. */
  #room(wantedBytes: number): Uint8Array {
    const bytes = Math.min(this.#bodyLength, wantedBytes);
    this.memory.charge(bytes - this.#chargedBytes);
    this.#chargedBytes = bytes;
    return new Uint8Array(bytes);
  }

  /** @returns undefined when the next envelope does not lie whole in the piece */
  #nextWhole(): "found" | undefined {
    const start = this.#at + LENGTH_BYTES;
    if (start > this.#piece.length) return undefined;
    const length = readLength(this.#piece, this.#at);
    if (length > this.#maxBytes || start + length > this.#piece.length) return undefined;
    this.bytes = this.#piece;
    this.start = start;
    this.#at = this.end = start + length;
    return "found";
  }

  #take(out: Uint8Array, filled: number): number {
    const taken = this.#piece.subarray(this.#at, this.#at + out.length - filled);
    out.set(taken, filled);
    this.#at += taken.length;
    return taken.length;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 24 | (bytes[at + 1] as number) << 16 | (bytes[at + 2] as number) << 8 |
    (bytes[at + 3] as number)) >>> 0;
}
