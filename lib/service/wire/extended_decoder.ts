/**
 * Reading values that JSON does not say exactly, which come from others: strictly, within what was sent.
 * @module
 */

import { type CallError, callError } from "../errors.ts";
import { setOwn } from "./exact_json.ts";
import {
  BYTES_KINDS,
  headLength,
  isMarkName,
  LENGTH_BYTES,
  MAX_BIGINT_DIGITS,
  MAX_MARKED_DEPTH,
} from "./extended_json.ts";

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["-0", -0],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);
const BIGINT = /^-?[0-9a-f]+$/;
/** No Date is further from 1970, in milliseconds (ECMA-262 §21.4.1.1). */
const MAX_DATE_MS = 8.64e15;

/**
 * @param data as `encodeExtended` makes them, or as somebody else says
 * @param json what `headOf` gave, read
 * @returns the value, its bytes copied
 * @throws CallError with code `Incompatible` when it is malformed
 */
export function decodeExtended(data: Uint8Array, json: unknown): unknown {
  const reader = new MarkReader(data, LENGTH_BYTES + headLength(data));
  const value = reader.read(json, MAX_MARKED_DEPTH);
  if (reader.at !== data.length) throw malformed("it has bytes that belong to nothing");
  return value;
}

/** Puts what marks stand for in their places. */
class MarkReader {
  at: number;
  readonly #data: Uint8Array;

  constructor(data: Uint8Array, at: number) {
    this.#data = data;
    this.at = at;
  }

  read(value: unknown, depth: number): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (depth === 0) throw malformed("it is too deep");
    if (Array.isArray(value)) return this.#readItems(value, depth);
    const object = value as Record<string, unknown>;
    const keys = Object.keys(object);
    const [name] = keys;
    if (keys.length === 1 && name !== undefined && isMarkName(name)) {
      return this.#readMark(name, object[name], depth - 1);
    }
    for (const key of keys) {
      const read = this.read(object[key], depth - 1);
      if (read !== object[key]) setOwn(object, key, read);
    }
    return object;
  }

  #readItems(items: unknown[], depth: number): unknown[] {
    for (let i = 0; i < items.length; i++) items[i] = this.read(items[i], depth - 1);
    return items;
  }

  #readMark(name: string, value: unknown, depth: number): unknown {
    switch (name) {
      case "$undefined":
        if (value === 0) return undefined;
        break;
      case "$number": {
        const number = NUMBERS.get(value);
        if (number !== undefined) return number;
        break;
      }
      case "$bigint":
        if (typeof value === "string" && value.length <= MAX_BIGINT_DIGITS && BIGINT.test(value)) {
          return value.startsWith("-") ? -BigInt(`0x${value.slice(1)}`) : BigInt(`0x${value}`);
        }
        break;
      case "$date":
        if (value === null) return new Date(NaN);
        if (Number.isInteger(value) && Math.abs(value as number) <= MAX_DATE_MS) {
          return new Date(value as number);
        }
        break;
      case "$map":
        if (Array.isArray(value)) return mapOf(this.#readItems(value, depth));
        break;
      case "$set":
        if (Array.isArray(value)) return setOf(this.#readItems(value, depth));
        break;
      case "$":
        if (isEscaped(value)) return this.#readEscaped(value, depth);
        break;
      default:
        return this.#readBytes(name.slice(1), value);
    }
    throw malformed(`it has a mark ${name} that says nothing`);
  }

  #readEscaped(object: Record<string, unknown>, depth: number): unknown {
    for (const key of Object.keys(object)) setOwn(object, key, this.read(object[key], depth - 1));
    return object;
  }

  #readBytes(name: string, length: unknown): unknown {
    const kind = BYTES_KINDS.get(name);
    if (kind === undefined) throw malformed("it has a mark that is unknown here");
    const isLength = Number.isInteger(length) && (length as number) >= 0 &&
      (length as number) <= this.#data.length - this.at && (length as number) % kind.elementBytes === 0;
    if (!isLength) throw malformed(`it has not the bytes of its ${name}`);
    const from = this.at;
    this.at += length as number;
    // A slice of a Buffer would be the same bytes, and its buffer all of them.
    return kind.make(new Uint8Array(this.#data.subarray(from, this.at)).buffer);
  }
}

function mapOf(flat: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
  if (2 * map.size !== flat.length) throw malformed("it has a map with a key twice, or without its value");
  return map;
}

function setOf(items: readonly unknown[]): Set<unknown> {
  const set = new Set(items);
  if (set.size !== items.length) throw malformed("it has a set with an element twice");
  return set;
}

function isEscaped(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && isMarkName(keys[0]);
}

function malformed(why: string): CallError {
  return callError("Incompatible", `Cannot read a value: ${why}`);
}
