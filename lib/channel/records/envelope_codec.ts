/**
 * The wire format of `weft.channel.v1.Envelope`, by hand: what the generated schema writes and reads, without an
 * object or a copy for each envelope.
 *
 * ```
 *    0        4
 *   +--------+-----+--------+--------------------------------------+
 *   | length | tag | length | number  value  text  data            |
 *   +--------+-----+--------+--------------------------------------+
 *    length: big-endian, of what follows; the rest is protobuf. Which of the four a kind has is in `FIELDS`; one
 *    that is zero or empty is left out.
 * ```
 *
 * @module
 */

/** Kinds of envelopes, by the numbers of their fields in the schema. */
export const EnvelopeKind = {
  ping: 1,
  pong: 2,
  close: 3,
  payload: 4,
  streamOpen: 5,
  streamData: 6,
  streamEnd: 7,
  streamCredit: 8,
  streamReset: 9,
} as const;

/** Number of a kind. */
export type EnvelopeKind = typeof EnvelopeKind[keyof typeof EnvelopeKind];

/** Bytes of the length before an envelope. */
export const LENGTH_BYTES = 4;

/** More than everything but text and data takes in one envelope, with the length before it. */
export const MAX_ENVELOPE_OVERHEAD_BYTES = 40;

/** What is carried: one piece, or several that are joined on the way. */
export type Pieces = Uint8Array | readonly Uint8Array[];

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const GROUP = 3;
const GROUP_END = 4;
const FIXED32 = 5;
const MAX_GROUP_DEPTH = 100;
const NOTHING = new Uint8Array(0);

interface Fields {
  readonly number: number;
  readonly value: number;
  readonly text: number;
  readonly data: number;
}

// Field numbers inside the message of each kind; 0 where it has no such field.
const FIELDS: readonly (Fields | undefined)[] = [
  undefined,
  { number: 1, value: 0, text: 0, data: 0 },
  { number: 1, value: 0, text: 0, data: 0 },
  { number: 0, value: 0, text: 1, data: 0 },
  { number: 0, value: 0, text: 1, data: 2 },
  { number: 1, value: 0, text: 2, data: 3 },
  { number: 1, value: 0, text: 0, data: 2 },
  { number: 1, value: 0, text: 0, data: 0 },
  { number: 1, value: 2, text: 0, data: 0 },
  { number: 1, value: 2, text: 0, data: 0 },
];

/** @returns how many bytes the pieces are together */
export function piecesLength(pieces: Pieces): number {
  if (pieces instanceof Uint8Array) return pieces.length;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/**
 * @param textBytes length of the text in UTF-8
 * @returns how many bytes the envelope takes, with the length before it
 */
export function envelopeLength(number: number, value: number, textBytes: number, dataBytes: number): number {
  const inner = innerLength(number, value, textBytes, dataBytes);
  return LENGTH_BYTES + 1 + varintLength(inner) + inner;
}

/**
 * Writes an envelope with the length before it; there is room for `envelopeLength(…)` bytes.
 * @param number of the ping or the stream
 * @param value credit in bytes, or the code of a reset
 * @param text topic or reason in UTF-8
 * @returns where it ends
 */
export function writeEnvelope(
  out: Uint8Array,
  at: number,
  kind: EnvelopeKind,
  number: number,
  value = 0,
  text: Uint8Array = NOTHING,
  data: Pieces = NOTHING,
): number {
  const fields = FIELDS[kind] as Fields;
  const dataBytes = piecesLength(data);
  const inner = innerLength(number, value, text.length, dataBytes);
  const length = 1 + varintLength(inner) + inner;
  out[at++] = length >>> 24;
  out[at++] = length >>> 16;
  out[at++] = length >>> 8;
  out[at++] = length;
  out[at++] = kind << 3 | BYTES;
  at = writeVarint(out, at, inner);
  if (number !== 0) {
    out[at++] = fields.number << 3 | VARINT;
    at = writeVarint(out, at, number);
  }
  if (value !== 0) {
    out[at++] = fields.value << 3 | VARINT;
    at = writeVarint(out, at, value);
  }
  if (text.length > 0) {
    out[at++] = fields.text << 3 | BYTES;
    at = writeVarint(out, at, text.length);
    // A topic is shorter than what a call costs.
    for (let i = 0; i < text.length; i++) out[at + i] = text[i] as number;
    at += text.length;
  }
  if (dataBytes === 0) return at;
  out[at++] = fields.data << 3 | BYTES;
  at = writeVarint(out, at, dataBytes);
  if (data instanceof Uint8Array) {
    out.set(data, at);
    return at + dataBytes;
  }
  for (const piece of data) {
    out.set(piece, at);
    at += piece.length;
  }
  return at;
}

function innerLength(number: number, value: number, textBytes: number, dataBytes: number): number {
  return (number === 0 ? 0 : 1 + varintLength(number)) +
    (value === 0 ? 0 : 1 + varintLength(value)) +
    (textBytes === 0 ? 0 : 1 + varintLength(textBytes) + textBytes) +
    (dataBytes === 0 ? 0 : 1 + varintLength(dataBytes) + dataBytes);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value >>> 7; rest !== 0; rest >>>= 7) length++;
  return length;
}

function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    out[at++] = rest & 127 | 128;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

/**
 * Reads one envelope after the other; the fields are those of the last one. Unknown fields are skipped. One decoder
 * serves a whole channel, so that an envelope costs no object.
 */
export class EnvelopeDecoder {
  /** What it is; 0 when the last envelope was none, or one of an unknown kind. */
  kind: EnvelopeKind | 0 = 0;
  /** Of the ping or the stream. */
  number = 0;
  /** Credit in bytes, or the code of a reset. */
  value = 0;

  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #isBroken = false;
  #textStart = 0;
  #textEnd = 0;
  #dataStart = 0;
  #dataEnd = 0;

  /** Topic or reason in UTF-8, unchecked; a view. */
  get text(): Uint8Array {
    return this.#bytes.subarray(this.#textStart, this.#textEnd);
  }

  /** Body, header or data; a view. */
  get data(): Uint8Array {
    return this.#bytes.subarray(this.#dataStart, this.#dataEnd);
  }

  /** How long `data` is. */
  get dataBytes(): number {
    return this.#dataEnd - this.#dataStart;
  }

  /** @returns whether `text` is this, without a view */
  textEquals(text: Uint8Array): boolean {
    const { length } = text;
    if (this.#textEnd - this.#textStart !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[this.#textStart + i] !== text[i]) return false;
    return true;
  }

  /** @returns whether the bytes from `start` to `end` are an envelope of a known kind */
  decode(bytes: Uint8Array, start: number, end: number): boolean {
    this.kind = 0;
    this.#bytes = bytes;
    this.#at = start;
    this.#isBroken = false;
    while (this.#at < end && !this.#isBroken) this.#readKind(end);
    if (this.#isBroken) this.kind = 0;
    return this.kind !== 0;
  }

  #readKind(end: number): void {
    const tag = this.#varint(end);
    const field = tag >>> 3;
    if (FIELDS[field] === undefined) return this.#skip(tag, end, 0);
    if ((tag & 7) !== BYTES) return this.#break();
    const inner = this.#varint(end);
    const innerEnd = this.#at + inner;
    if (innerEnd > end) return this.#break();
    if (this.kind !== field) {
      this.kind = field as EnvelopeKind;
      this.number = this.value = 0;
      this.#textStart =
        this.#textEnd =
        this.#dataStart =
        this.#dataEnd =
          this.#at;
    }
    while (this.#at < innerEnd && !this.#isBroken) this.#readField(FIELDS[field], innerEnd);
  }

  #readField(fields: Fields, end: number): void {
    const tag = this.#varint(end);
    const field = tag >>> 3;
    const type = tag & 7;
    if (field === 0) return this.#break();
    if (field === fields.number || field === fields.value) {
      if (type !== VARINT) return this.#break();
      const value = this.#varint(end);
      if (field === fields.number) this.number = value;
      else this.value = value;
    } else if (field === fields.text || field === fields.data) {
      if (type !== BYTES) return this.#break();
      const length = this.#varint(end);
      const start = this.#at;
      if (start + length > end) return this.#break();
      this.#at = start + length;
      if (field === fields.text) [this.#textStart, this.#textEnd] = [start, this.#at];
      else [this.#dataStart, this.#dataEnd] = [start, this.#at];
    } else this.#skip(tag, end, 0);
  }

  #skip(tag: number, end: number, depth: number): void {
    if (tag >>> 3 === 0 || depth > MAX_GROUP_DEPTH) return this.#break();
    switch (tag & 7) {
      case VARINT:
        return void this.#varint(end);
      case FIXED64:
        return this.#advance(8, end);
      case BYTES:
        return this.#advance(this.#varint(end), end);
      case FIXED32:
        return this.#advance(4, end);
      case GROUP:
        for (;;) {
          const inner = this.#varint(end);
          if (this.#isBroken) return;
          if ((inner & 7) !== GROUP_END) this.#skip(inner, end, depth + 1);
          else return inner >>> 3 === tag >>> 3 ? undefined : this.#break();
        }
      default:
        return this.#break();
    }
  }

  #advance(bytes: number, end: number): void {
    this.#at += bytes;
    if (this.#at > end) this.#break();
  }

  /** @returns the low 32 bits; what is longer is cut, as protobuf has it */
  #varint(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) break;
      const byte = this.#bytes[this.#at++] as number;
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    this.#break();
    return 0;
  }

  #break(): void {
    this.#isBroken = true;
  }
}
