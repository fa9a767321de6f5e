/**
 * Protobuf's wire format, read by hand where a message is on the path of every call.
 * @module
 */

import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from "./wire_writer.ts";

const MAX_VARINT_BYTES = 10;
/** How many short texts are remembered; a power of two. */
const REMEMBERED_TEXTS = 64;
/** Up to here a loop is faster than the decoder. */
const SHORT_TEXT = 32;
const TWO_32 = 0x1_0000_0000;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Short texts that were read lately, each in the place that its length and its ends give it: paths and topics come again
 * and again, and to make a text anew costs ten times what it costs to see that it is the same, beside its hash.
 */
const remembered = Array.from({ length: REMEMBERED_TEXTS }, () => "");

/**
 * Reads the fields of one message, strictly: whatever does not fit its bounds breaks the reader, which then has no
 * more fields. Each call advances or breaks.
 */
export class WireReader {
  #bytes: Uint8Array;
  #at: number;
  #end: number;
  #isBroken = false;
  #wireType = 0;
  #fieldsLeft: number;

  /**
   * @param maxFields how many fields it may have, with those of the messages in it; -1 for any number
   * @param start where the message begins in `bytes`, and `end` where it ends
   */
  constructor(bytes: Uint8Array, maxFields = -1, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#fieldsLeft = maxFields;
    this.#at = start;
    this.#end = end;
  }

  /** Whether something was malformed; then nothing that was read counts. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether the field that it stands at has bytes: a text, a message, or several numbers. */
  get isBytes(): boolean {
    return this.#wireType === WIRE_BYTES;
  }

  /** @returns the number of the next field, or 0 at the end; the one after the last that it may have breaks */
  field(): number {
    if (this.#at >= this.#end) return 0;
    if (this.#fieldsLeft-- === 0) return this.#break(0);
    const tag = this.#varint();
    // One byte is what most fields take, and then these are no floating-point numbers.
    const isShort = tag < 128;
    this.#wireType = isShort ? tag & 7 : tag % 8;
    const field = isShort ? tag >>> 3 : Math.floor(tag / 8);
    if (field < 1 || field > 0x1fff_ffff) return this.#break(0);
    return this.#isBroken ? 0 : field;
  }

  /** @returns a whole number up to 2^53 - 1; larger ones break */
  uint(): number {
    return this.#wireType === WIRE_VARINT ? this.#varint() : this.#break(0);
  }

  /** @returns a whole number up to 2^53 - 1 of 8 bytes; larger ones break */
  fixed64(): number {
    const at = this.#at;
    if (this.#wireType !== WIRE_FIXED64 || this.#end - at < 8) return this.#break(0);
    this.#at += 8;
    const low = this.#uint32(at);
    const high = this.#uint32(at + 4);
    return high < 0x20_0000 ? high * TWO_32 + low : this.#break(0);
  }

  /** @returns a view of the bytes */
  bytes(): Uint8Array {
    const length = this.#length();
    const at = this.#at;
    this.#at += length;
    return this.#bytes.subarray(at, at + length);
  }

  /** @param maxBytes longer text breaks @returns text; what is not UTF-8 breaks */
  string(maxBytes: number = Infinity): string {
    const length = this.#length();
    if (length > maxBytes) return this.#break("");
    const at = this.#at;
    this.#at += length;
    if (length <= SHORT_TEXT) {
      const text = this.#ascii(at, length);
      if (text !== undefined) return text;
    }
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      return this.#break("");
    }
  }

  /** @returns a reader of the message in this field, which is to be joined when it has read all it wants */
  message(): WireReader {
    const length = this.#length();
    const at = this.#at;
    this.#at += length;
    return new WireReader(this.#bytes, this.#fieldsLeft, at, at + length);
  }

  /** Marks this one broken when the reader of a message inside it is, and counts what that has read. */
  join(inner: WireReader): void {
    this.#fieldsLeft = inner.#fieldsLeft;
    if (inner.isBroken) this.#break(0);
  }

  /** Passes over a field that this version does not know. */
  skip(): void {
    switch (this.#wireType) {
      case WIRE_VARINT:
        return void this.#skipVarint();
      case WIRE_FIXED64:
        return this.#advance(8);
      case WIRE_BYTES:
        return this.#advance(this.#length());
      case WIRE_FIXED32:
        return this.#advance(4);
      default:
        return void this.#break(0);
    }
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#at) this.#break(0);
    else this.#at += bytes;
  }

  #length(): number {
    if (this.#wireType !== WIRE_BYTES) return this.#break(0);
    const length = this.#varint();
    return length <= this.#end - this.#at ? length : this.#break(0);
  }

  #varint(): number {
    const first = this.#bytes[this.#at] as number;
    if (first < 128 && this.#at < this.#end) {
      this.#at++;
      return first;
    }
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES && this.#at < this.#end; i++) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : this.#break(0);
      scale *= 128;
    }
    return this.#break(0);
  }

  #uint32(at: number): number {
    const bytes = this.#bytes;
    const [a, b, c, d] = [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0];
    return (a | b << 8 | c << 16 | d << 24) >>> 0;
  }

  #skipVarint(): void {
    for (let i = 0; i < MAX_VARINT_BYTES && this.#at < this.#end; i++) {
      if ((this.#bytes[this.#at++] ?? 0) < 128) return;
    }
    this.#break(0);
  }

  #ascii(at: number, length: number): string | undefined {
    if (length === 0) return "";
    const bytes = this.#bytes;
    const ends = (bytes[at] as number) * 7 + (bytes[at + length - 1] as number) * 3;
    const place = (length + ends) & (REMEMBERED_TEXTS - 1);
    const known = remembered[place] as string;
    if (isText(known, bytes, at, length)) return known;
    let text = "";
    for (let i = at; i < at + length; i++) {
      const code = bytes[i] ?? 0;
      if (code > 127) return undefined;
      text += String.fromCharCode(code);
    }
    return remembered[place] = text;
  }

  #break<T>(value: T): T {
    this.#isBroken = true;
    this.#at = this.#end;
    return value;
  }
}

function isText(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}
