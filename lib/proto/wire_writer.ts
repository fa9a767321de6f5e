/**
 * Protobuf's wire format, written by hand where a message is on the path of every call.
 * @module
 */

/** How the value behind a tag is read (Protocol Buffers encoding, "Message Structure"). */
export const WIRE_VARINT = 0;
/** 8 bytes, little-endian. */
export const WIRE_FIXED64 = 1;
/** A varint, then so many bytes. */
export const WIRE_BYTES = 2;
/** 4 bytes, little-endian. */
export const WIRE_FIXED32 = 5;

const FIRST_BYTES = 1_024;
/** Up to here a loop is faster than the encoder. */
const SHORT_TEXT = 48;
const TWO_32 = 0x1_0000_0000;
const TWO_28 = 0x1000_0000;
/** A whole number up to 2^53 - 1 takes so many bytes at most. */
const MAX_VARINT_BYTES = 8;
const encoder = new TextEncoder();

/**
 * Writes fields from the last to the first, so that a message's length is known when its tag is written: nothing is
 * measured before. One writer is used again and again.
 */
export class WireWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #start = FIRST_BYTES;

  /** How many bytes have been written. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** @returns a copy of what was written, and begins anew */
  finish(): Uint8Array {
    const out = this.#bytes.slice(this.#start);
    this.#begin();
    return out;
  }

  /** @returns what was written, good until something is written again, and begins anew */
  view(): Uint8Array {
    const out = this.#bytes.subarray(this.#start);
    this.#begin();
    return out;
  }

  #begin(): void {
    this.#start = this.#bytes.length;
    // A large message now and then is no reason to hold its room for ever.
    if (this.#bytes.length > 64 * FIRST_BYTES) this.#use(new Uint8Array(FIRST_BYTES));
  }

  /** The tag of a field, after its value. */
  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    if (value < 128) {
      bytes[--this.#start] = value;
      return;
    }
    // Four groups of seven bits, and what is above them: so all is done in whole numbers of 32 bits.
    const high = value < TWO_28 ? 0 : Math.floor(value / TWO_28);
    let rest = value - high * TWO_28;
    let length = high === 0 ? 1 : 5;
    for (let more = (high === 0 ? rest : high) >>> 7; more !== 0; more >>>= 7) length++;
    let at = this.#start -= length;
    for (let i = 1; i < length; i++) {
      bytes[at++] = rest & 127 | 128;
      rest = i === 4 ? high : rest >>> 7;
    }
    bytes[at] = rest;
  }

  /** A field of a whole number; left out when it is 0. */
  uint(field: number, value: number): void {
    if (value === 0) return;
    this.varint(value);
    this.tag(field, WIRE_VARINT);
  }

  /** A field of a truth value; left out when it is false. */
  bool(field: number, value: boolean): void {
    if (value) this.uint(field, 1);
  }

  /** A field of 8 bytes; left out when it is 0. @param value from 0 to 2^53 - 1 */
  fixed64(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(8);
    this.#start -= 8;
    this.#view.setUint32(this.#start, value % TWO_32, true);
    this.#view.setUint32(this.#start + 4, Math.floor(value / TWO_32), true);
    this.tag(field, WIRE_FIXED64);
  }

  /** A field of 8 bytes; left out when it is 0. @param value from 0 to 2^64 - 1 */
  fixed64Bits(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#reserve(8);
    this.#start -= 8;
    this.#view.setBigUint64(this.#start, value, true);
    this.tag(field, WIRE_FIXED64);
  }

  /** A field of bytes; left out when there are none. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#raw(value);
    this.varint(value.length);
    this.tag(field, WIRE_BYTES);
  }

  /** A field of text; left out when it is empty. */
  string(field: number, value: string): void {
    if (value !== "") this.text(field, value);
  }

  /** A field of text, even when it is empty, as in a list. */
  text(field: number, value: string): void {
    const before = this.length;
    if (!this.#ascii(value)) this.#raw(encoder.encode(value));
    this.message(field, before);
  }

  /** The head of a message whose fields have been written. @param before the length before its last field */
  message(field: number, before: number): void {
    this.varint(this.length - before);
    this.tag(field, WIRE_BYTES);
  }

  #raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
  }

  /** @returns whether it was written, which only short ASCII is */
  #ascii(value: string): boolean {
    const { length } = value;
    if (length > SHORT_TEXT) return false;
    this.#reserve(length);
    const at = this.#start - length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      this.#bytes[at + i] = code;
    }
    this.#start = at;
    return true;
  }

  #reserve(bytes: number): void {
    if (this.#start >= bytes) return;
    const written = this.length;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, written + bytes));
    larger.set(this.#bytes.subarray(this.#start), larger.length - written);
    this.#use(larger, written);
  }

  #use(bytes: Uint8Array<ArrayBuffer>, written = 0): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#start = bytes.length - written;
  }
}
