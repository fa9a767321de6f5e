/**
 * Values that JSON does not say exactly, as JSON in which such things are marked, with bytes behind it. So they cost
 * what JSON costs where they are JSON, bytes stay bytes, and the bounds of JSON bound them.
 *
 * ```
 *    0        4                4 + length
 *   +--------+------------------+------------------------------------------+
 *   | length | JSON, with marks | bytes of each mark that has some, in turn |
 *   +--------+------------------+------------------------------------------+
 * ```
 *
 * A mark is an object of one property whose name begins with `$`; an object that looks like one is itself marked, by `$`.
 *
 * | mark | stands for |
 * | --- | --- |
 * | `{"$undefined":0}` | undefined, and a hole of an array |
 * | `{"$number":"-0"}` | `-0`, `NaN`, `Infinity`, `-Infinity` |
 * | `{"$bigint":"-ff"}` | a bigint, in base 16 |
 * | `{"$date":1700000000000}` | a Date, in milliseconds since 1970; null for an invalid one |
 * | `{"$map":[k,v,k,v]}`, `{"$set":[a,b]}` | a Map, a Set |
 * | `{"$Float64Array":16}` | so many bytes of a typed array, ArrayBuffer or DataView; little-endian |
 * | `{"$":{"$map":1}}` | `{"$map":1}` |
 *
 * @module
 */

import { MAX_DEPTH } from "./json_bound.ts";

/** Bytes of the length before the JSON. */
export const LENGTH_BYTES = 4;
/** How deep the JSON may be: a map is two levels there, and what is in it may be marked. */
export const MAX_MARKED_DEPTH: number = 2 * MAX_DEPTH + 1;
/** The most digits of a bigint, in base 16: the time that a handler takes with it may grow with their square. */
export const MAX_BIGINT_DIGITS = 16_384;

const DOLLAR = 0x24;

/** What has bytes. */
export interface BytesKind {
  readonly elementBytes: number;
  /** @returns one whose bytes are all of these */
  readonly make: (buffer: ArrayBuffer) => unknown;
}

/** What has bytes, by its name. */
export const BYTES_KINDS: ReadonlyMap<string, BytesKind> = new Map<string, BytesKind>([
  ["ArrayBuffer", { elementBytes: 1, make: (buffer) => buffer }],
  ["DataView", { elementBytes: 1, make: (buffer) => new DataView(buffer) }],
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((kind): [string, BytesKind] => [
    kind.name,
    { elementBytes: kind.BYTES_PER_ELEMENT, make: (buffer) => new kind(buffer) },
  ]),
]);

/** Whether an object of one property of this name is a mark, or looks like one. */
export function isMarkName(name: string | undefined): boolean {
  return name?.charCodeAt(0) === DOLLAR;
}

/** @returns how many bytes of JSON there are; 0 when that can't be read */
export function headLength(data: Uint8Array): number {
  if (data.length < LENGTH_BYTES) return 0;
  return new DataView(data.buffer, data.byteOffset, LENGTH_BYTES).getUint32(0);
}

/** @returns the JSON of it, a view; undefined when it is malformed */
export function headOf(data: Uint8Array): Uint8Array | undefined {
  const length = headLength(data);
  return length === 0 || length > data.length - LENGTH_BYTES
    ? undefined
    : data.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
}
