/**
 * The notation of BitTorrent's messages (BEP 3 "bencoding"): integers `i7e`, strings of bytes `3:abc`, lists `l…e` and
 * dictionaries `d…e`. The decoder is strict and bounded: what is not written the one right way is refused.
 *
 * @module
 */

import { concatBytes } from "../base/mod.ts";

/** A value in this notation; the keys of a dictionary are bytes, one a character. */
export type BencodeValue =
  | number
  | Uint8Array
  | readonly BencodeValue[]
  | ReadonlyMap<string, BencodeValue>;

/** Lists and dictionaries within each other; the messages of the DHT have three. */
const MAX_DEPTH = 6;
/** Values in all, so that a short text can't make many objects. */
const MAX_VALUES = 512;
/** A safe integer has 16 digits at most, beside its sign. */
const MAX_DIGITS = 16;
/** Longer keys are in no message that anybody here wants. */
const MAX_KEY_BYTES = 64;

const COLON = 0x3a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const DICTIONARY = 0x64;
const END = 0x65;
const INTEGER = 0x69;
const LIST = 0x6c;
const MINUS = 0x2d;

/**
 * Writes a value; the keys of dictionaries come out in order, as BEP 3 demands.
 * @throws RangeError for a number that is no safe integer
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decodeBencode, encodeBencode } from "./bencode.ts";
 * const bytes = encodeBencode(new Map([["port", 51820]]));
 * assert.equal(new TextDecoder().decode(bytes), "d4:porti51820ee");
 * assert.deepEqual(decodeBencode(bytes), new Map([["port", 51820]]));
 * ```
 */
export function encodeBencode(value: BencodeValue): Uint8Array {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot encode ${value}: it is no safe integer`);
    return latin1(`i${value}e`);
  }
  if (value instanceof Uint8Array) return concatBytes(latin1(`${value.length}:`), value);
  if (isList(value)) return concatBytes(latin1("l"), ...value.map(encodeBencode), latin1("e"));
  const keys = [...value.keys()].sort((a, b) => a < b ? -1 : 1);
  const items = keys.flatMap((key) => [
    encodeBencode(latin1(key)),
    encodeBencode(value.get(key) as BencodeValue),
  ]);
  return concatBytes(latin1("d"), ...items, latin1("e"));
}

/**
 * Reads one value that fills `bytes`.
 * @returns undefined when it is none, goes too deep, has too many parts, or is written in any other than the one right
 * way; but keys may come in any order, since some nodes do not sort them. Strings are views.
 */
export function decodeBencode(bytes: Uint8Array): BencodeValue | undefined {
  const reader = new BencodeReader(bytes);
  const value = reader.read(0);
  return reader.isAtEnd ? value : undefined;
}

/** After a part that can't be read it must not be asked again. */
class BencodeReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  read(depth: number): BencodeValue | undefined {
    if (depth > MAX_DEPTH || ++this.#values > MAX_VALUES) return undefined;
    const first = this.#bytes[this.#at];
    if (first === INTEGER) {
      this.#at++;
      return this.#readNumber(END, true);
    }
    if (first === LIST) return this.#readList(depth);
    if (first === DICTIONARY) return this.#readDictionary(depth);
    return this.#readString();
  }

  #readList(depth: number): BencodeValue[] | undefined {
    const list: BencodeValue[] = [];
    for (this.#at++; this.#bytes[this.#at] !== END;) {
      const value = this.read(depth + 1);
      if (value === undefined) return undefined;
      list.push(value);
    }
    this.#at++;
    return list;
  }

  #readDictionary(depth: number): Map<string, BencodeValue> | undefined {
    const dictionary = new Map<string, BencodeValue>();
    for (this.#at++; this.#bytes[this.#at] !== END;) {
      const keyBytes = this.#readString();
      const value = keyBytes && this.read(depth + 1);
      if (keyBytes === undefined || value === undefined) return undefined;
      const key = String.fromCharCode(...keyBytes.subarray(0, MAX_KEY_BYTES + 1));
      if (key.length > MAX_KEY_BYTES || dictionary.has(key)) return undefined;
      dictionary.set(key, value);
    }
    this.#at++;
    return dictionary;
  }

  #readString(): Uint8Array | undefined {
    const lengthBytes = this.#readNumber(COLON, false);
    if (lengthBytes === undefined || lengthBytes > this.#bytes.length - this.#at) return undefined;
    this.#at += lengthBytes;
    return this.#bytes.subarray(this.#at - lengthBytes, this.#at);
  }

  /** Neither leading zeros nor minus zero. */
  #readNumber(end: number, maySign: boolean): number | undefined {
    const isNegative = maySign && this.#bytes[this.#at] === MINUS;
    if (isNegative) this.#at++;
    const start = this.#at;
    let value = 0;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      const digits = this.#at - 1 - start;
      if (byte === end && digits > 0) break;
      if (byte === undefined || byte < DIGIT_0 || byte > DIGIT_9 || digits === MAX_DIGITS) return undefined;
      if (digits === 1 && value === 0) return undefined;
      value = 10 * value + (byte - DIGIT_0);
    }
    if (!Number.isSafeInteger(value) || (isNegative && value === 0)) return undefined;
    return isNegative ? -value : value;
  }
}

function isList(value: BencodeValue): value is readonly BencodeValue[] {
  return Array.isArray(value);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
