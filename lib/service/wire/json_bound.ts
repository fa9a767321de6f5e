/**
 * What a structured value costs whoever reads it: one call of `JSON.parse`, which nobody can interrupt.
 * @module
 */

/**
 * The longest structured value by default, in bytes of JSON. Of ordinary records that takes 5 ms to read, and of what was
 * made to take long 40; sixteen times as much holds a node for a tenth of a second at best, and for seconds at worst.
 */
export const DEFAULT_MAX_STRUCTURED_BYTES: number = 1 << 20;
/** How many objects a value may hold: each of another shape takes 0.6 µs. */
export const MAX_OBJECTS = 32_768;
/** How deep arrays and objects may be inside of each other: who writes them again does so by recursion. */
export const MAX_DEPTH = 128;

/** Shorter ones are read in less than 2 ms, whatever they hold. */
const CHECKED_FROM_BYTES = 24 * 1_024;
/** What those take in memory, of ordinary ones the double of it. */
const SHORT_FACTOR = 8;
/** What an element or a property takes in memory at most, beside its bytes: an empty object in an array. */
const ELEMENT_BYTES = 64;

/** What reading a JSON text costs. */
interface JsonCost {
  readonly objects: number;
  readonly depth: number;
  readonly memoryBytes: number;
}

/**
 * @param bytes JSON in UTF-8, or what is said to be
 * @param maxDepth how deep it may be
 * @returns whether it may be read
 */
export function isBoundedJson(bytes: Uint8Array, maxDepth: number = MAX_DEPTH): boolean {
  if (bytes.length < CHECKED_FROM_BYTES) return true;
  const { objects, depth } = jsonCost(bytes);
  return objects <= MAX_OBJECTS && depth <= maxDepth;
}

/** @returns how much memory it takes about, when it has been read */
export function jsonMemoryBytes(bytes: Uint8Array): number {
  return bytes.length < CHECKED_FROM_BYTES ? SHORT_FACTOR * bytes.length : jsonCost(bytes).memoryBytes;
}

function jsonCost(bytes: Uint8Array): JsonCost {
  let depth = 0, deepest = 0, objects = 0, elements = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 0x22) isText = !isText;
    else if (isText) {
      // What a backslash stands before ends no text.
      if (byte === 0x5c) at++;
    } else if (byte === 0x2c) elements++;
    else if (byte === 0x7b || byte === 0x5b) {
      elements++;
      if (byte === 0x7b) objects++;
      if (++depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return { objects, depth: deepest, memoryBytes: bytes.length + elements * ELEMENT_BYTES };
}
