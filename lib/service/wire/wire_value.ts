/**
 * Values of programs to bytes and back, of calls, streams and events: bytes as they are, JSON for what JSON says exactly,
 * and for all else JSON with marks (`extended_json.ts`). What comes back is what was sent, or it is refused before.
 * @module
 */

import { Compression, Encoding } from "../../proto/mod.ts";
import { CallError, callError, failure } from "../errors.ts";
import { copyExactJson, isExactJson, NOT_COPIED } from "./exact_json.ts";
import { decodeExtended } from "./extended_decoder.ts";
import { encodeExtended } from "./extended_encoder.ts";
import { headOf, MAX_MARKED_DEPTH } from "./extended_json.ts";
import { isBoundedJson, jsonMemoryBytes, MAX_DEPTH, MAX_OBJECTS } from "./json_bound.ts";
import { NO_VALUE, type WireValue } from "./node_message.ts";
import { UnsendableError } from "./value_path.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What marks become takes so many times as much as JSON of the same length: an empty Map is 200 bytes. */
const MARKED_FACTOR = 3;

/** How a value is refused: that of a caller or publisher, or what a handler has answered. */
export type RefusalCode = "InvalidParams" | "InvalidResult";

/** As `encodeView`, with bytes of its own: whoever has sent a Uint8Array may write on in it. */
export function encodeValue(value: unknown, code?: RefusalCode): WireValue {
  return value instanceof Uint8Array
    ? plain(Encoding.BINARY, new Uint8Array(value))
    : encodeView(value, code);
}

/**
 * @param value undefined, null, texts, booleans, numbers, bigints, Date, Map, Set, bytes, arrays, and plain objects
 * @param code how it is refused
 * @returns its bytes; those of a Uint8Array are a view
 * @throws CallError with the code when it is something else, or holds that; with code `PayloadTooLarge` when it is too
 *   deep
 */
export function encodeView(value: unknown, code: RefusalCode = "InvalidParams"): WireValue {
  if (value === undefined) return NO_VALUE;
  if (value instanceof Uint8Array) {
    // A slice of a Buffer would be the same bytes.
    const isPlain = value.constructor === Uint8Array;
    return plain(
      Encoding.BINARY,
      isPlain ? value : new Uint8Array(value.buffer, value.byteOffset, value.length),
    );
  }
  try {
    return isExactJson(value)
      ? plain(Encoding.JSON, encoder.encode(JSON.stringify(value)))
      : plain(Encoding.EXTENDED, encodeExtended(value));
  } catch (cause) {
    throw refusal(cause, code);
  }
}

function refusal(cause: unknown, code: RefusalCode): CallError {
  const executed = code === "InvalidResult";
  if (!(cause instanceof UnsendableError)) {
    // A getter has thrown, or the text would be longer than texts can be.
    return new CallError(failure(code, "Cannot send the value: reading it has failed", executed), { cause });
  }
  const { message, isTooLarge } = cause;
  if (isTooLarge) return callError("PayloadTooLarge", `Cannot send the value: ${message}`, executed);
  return new CallError(failure(code, `Cannot send the value: ${message}`, executed), {
    hint: "What JSON says can be sent, and undefined, bigint, Date, Map, Set, ArrayBuffer and typed arrays.",
  });
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
export function decodeValue(value: WireValue): unknown {
  const { encoding, data } = value;
  switch (encoding) {
    case Encoding.UNSPECIFIED:
      return undefined;
    case Encoding.BINARY:
      return new Uint8Array(data);
    case Encoding.JSON:
      checkStructure(value, "read");
      return parseJson(data);
    case Encoding.EXTENDED:
      checkStructure(value, "read");
      return decodeExtended(data, parseJson(headOf(data) ?? data.subarray(0, 0)));
    default:
      throw callError("Incompatible", `Cannot read a value of encoding ${encoding as number}`);
  }
}

/**
 * Reads a value once for each of several who may change what they get; all but the first cost a fifth of reading it.
 * @throws CallError as `decodeValue` does
 */
export function decodeForEach(value: WireValue, times: number): readonly unknown[] {
  if (times === 0) return [];
  const first = decodeValue(value);
  const values = [first];
  for (let i = 1; i < times; i++) {
    const copy = typeof first === "object" ? copyExactJson(first, Infinity) : first;
    values.push(copy === NOT_COPIED ? decodeValue(value) : copy);
  }
  return values;
}

function parseJson(text: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(text));
  } catch {
    throw callError("Incompatible", "Cannot read a value: it is no JSON in UTF-8");
  }
}

/**
 * What a value becomes for whoever is in the same program, at a part of the cost of sending it: the same that it would
 * become elsewhere, or refused as it would be.
 * @param limits of what is sent
 * @returns a copy, which shares nothing with the value that can be changed
 * @throws CallError as `encodeValue` and `checkLength` do
 */
export function copyAsSent(
  value: unknown,
  limits: { readonly maxStructuredBytes: number; checkLength(value: WireValue): void },
  code: RefusalCode = "InvalidParams",
): unknown {
  if (value === undefined) return undefined;
  if (!(value instanceof Uint8Array)) {
    const copy = tryCopy(value, limits.maxStructuredBytes, code);
    if (copy !== NOT_COPIED) return copy;
  }
  const sent = encodeView(value, code);
  limits.checkLength(sent);
  return decodeValue(sent);
}

function tryCopy(value: unknown, maxBytes: number, code: RefusalCode): unknown {
  try {
    return copyExactJson(value, maxBytes);
  } catch (cause) {
    throw refusal(cause, code);
  }
}

/** @returns how many bytes of JSON are in it */
export function structuredBytes({ encoding, data }: WireValue): number {
  if (encoding === Encoding.JSON) return data.length;
  return encoding === Encoding.EXTENDED ? headOf(data)?.length ?? 0 : 0;
}

/** @throws CallError with code `PayloadTooLarge` */
export function checkStructure({ encoding, data }: WireValue, what: "read" | "send"): void {
  const isMarked = encoding === Encoding.EXTENDED;
  if (!isMarked && encoding !== Encoding.JSON) return;
  const text = isMarked ? headOf(data) : data;
  if (text === undefined || isBoundedJson(text, isMarked ? MAX_MARKED_DEPTH : MAX_DEPTH)) return;
  const limit = `it has more than ${MAX_OBJECTS} objects, or more than ${MAX_DEPTH} inside of each other`;
  throw callError("PayloadTooLarge", `Cannot ${what} the value: ${limit}; send bytes, or a stream of items`);
}

/** @returns how much memory a value takes about, when it has been read */
export function memoryOf({ encoding, data }: WireValue): number {
  if (encoding === Encoding.JSON) return jsonMemoryBytes(data);
  const head = encoding === Encoding.EXTENDED ? headOf(data) : undefined;
  return head === undefined ? data.length : data.length + MARKED_FACTOR * jsonMemoryBytes(head);
}

/** @returns the same value with bytes of its own */
export function copyValue(value: WireValue): WireValue {
  return value.data.length === 0 ? value : { ...value, data: new Uint8Array(value.data) };
}

/** Whether it stands for undefined; bytes of which there are none are a value. */
export function isNoValue({ encoding }: WireValue): boolean {
  return encoding === Encoding.UNSPECIFIED;
}

/** Whether the bytes are elsewhere, or not yet what they will be. */
export function isRemote(value: WireValue): boolean {
  return value.detachedBytes > 0 || value.compression !== Compression.UNSPECIFIED;
}
