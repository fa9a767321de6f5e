/**
 * Values of programs to bytes and back: JSON, or bytes as they are.
 * @module
 */

import { Compression, Encoding } from "../../proto/mod.ts";
import { CallError, callError, failure } from "../errors.ts";
import { isBoundedJson, jsonMemoryBytes, MAX_DEPTH, MAX_OBJECTS } from "./json_bound.ts";
import { NO_VALUE, type WireValue } from "./node_message.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param value undefined, bytes, or whatever JSON can say
 * @throws CallError with code `InvalidParams` when JSON can't say it
 */
export function encodeValue(value: unknown): WireValue {
  if (value === undefined) return NO_VALUE;
  if (value instanceof Uint8Array) return plain(Encoding.BINARY, value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new CallError(failure("InvalidParams", "Cannot send the value: JSON cannot say it"), { cause });
  }
  return text === undefined ? NO_VALUE : plain(Encoding.JSON, encoder.encode(text));
}

/** @returns a value whose bytes are these */
export function plain(encoding: Encoding, data: Uint8Array): WireValue {
  return { encoding, data, compression: Compression.UNSPECIFIED, detachedBytes: 0, plainBytes: 0 };
}

/**
 * Reads a value whose bytes are all here and not compressed.
 * @returns the value, bytes copied
 * @throws CallError with code `Incompatible` when it is of an unknown kind or malformed, `PayloadTooLarge` when it would
 *   take too long
 */
export function decodeValue({ encoding, data }: WireValue): unknown {
  switch (encoding) {
    case Encoding.UNSPECIFIED:
      return undefined;
    case Encoding.BINARY:
      return data.slice();
    case Encoding.JSON:
      checkStructure(data, "read");
      try {
        return JSON.parse(decoder.decode(data));
      } catch {
        throw callError("Incompatible", "Cannot read a value: it is no JSON in UTF-8");
      }
    default:
      throw callError("Incompatible", `Cannot read a value of encoding ${encoding as number}`);
  }
}

/** @throws CallError with code `PayloadTooLarge` */
export function checkStructure(data: Uint8Array, what: "read" | "send"): void {
  if (isBoundedJson(data)) return;
  const limit = `it has more than ${MAX_OBJECTS} objects, or more than ${MAX_DEPTH} inside of each other`;
  throw callError("PayloadTooLarge", `Cannot ${what} the value: ${limit}; send bytes, or a stream of items`);
}

/** @returns how much memory a value takes about, when it has been read */
export function memoryOf({ encoding, data }: WireValue): number {
  return encoding === Encoding.JSON ? jsonMemoryBytes(data) : data.length;
}

/** @returns the same value with bytes of its own */
export function copyValue(value: WireValue): WireValue {
  return value.data.length === 0 ? value : { ...value, data: value.data.slice() };
}

/** Whether the bytes are elsewhere, or not yet what they will be. */
export function isRemote(value: WireValue): boolean {
  return value.detachedBytes > 0 || value.compression !== Compression.UNSPECIFIED;
}
