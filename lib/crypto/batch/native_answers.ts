/**
 * Known answers of the native cipher: it has to seal and open as noble does before it is used.
 * @module
 */

import { equalBytes } from "../../base/mod.ts";
import { WasmKey } from "../aead_wasm.ts";
import { nobleAead, nobleCipher } from "../select_aead.ts";
import { CIPHER_BYTES, CIPHER_LAYOUT, MESSAGE_OVERHEAD_BYTES } from "../wasm_module.ts";
import type { NativeCipher } from "./native_cipher.ts";

// Nothing, parts of blocks and of columns, whole ones, and what a packet has; more than there are lanes.
const LENGTHS = [0, 1, 15, 16, 17, 48, 63, 64, 65, 80, 127, 128, 129, 192, 576, 1280, 1420, 1424, 1500];
// The lower half overflows on the way.
const COUNTER = 0x1_ffff_fff8;
const FORGED = [3, 17];
const HEADER_BYTES = 16;
const SEALED = { count: 18, textBytes: 333, lastTextBytes: 70 } as const;
const NO_BYTES = new Uint8Array(0);

/** How many pages of 64 KiB `answersNatively` needs. */
export const ANSWER_PAGES = 2;

/**
 * @param memory that of the cipher, of `ANSWER_PAGES`; it is overwritten
 * @returns whether messages are sealed and opened as noble does, and forgeries refused
 */
export function answersNatively(cipher: NativeCipher, memory: WebAssembly.Memory): boolean {
  const keyBytes = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
  const key = new WasmKey(keyBytes, nobleCipher);
  return sealsRight(cipher, key, keyBytes, memory) && opensRight(cipher, key, keyBytes, memory);
}

function sealsRight(
  cipher: NativeCipher,
  key: WasmKey,
  keyBytes: Uint8Array,
  memory: WebAssembly.Memory,
): boolean {
  const bytes = new Uint8Array(memory.buffer), { count, textBytes, lastTextBytes } = SEALED;
  const messageBytes = textBytes + MESSAGE_OVERHEAD_BYTES, lastBytes = lastTextBytes + MESSAGE_OVERHEAD_BYTES;
  const lengthBytes = (count - 1) * messageBytes + lastBytes, at = CIPHER_BYTES;
  for (let i = 0; i < lengthBytes; i++) bytes[at + i] = i * 31;
  const expected = bytes.slice(at, at + lengthBytes);
  for (let i = 0; i < count; i++) {
    const start = i * messageBytes + HEADER_BYTES;
    const text = expected.slice(start, start + (i + 1 < count ? textBytes : lastTextBytes));
    nobleAead.key(keyBytes).seal(COUNTER + i, text, NO_BYTES, expected, start);
  }
  const sealed = cipher.seal(key, { at, messageBytes, lastBytes, count, counter: COUNTER });
  return sealed === count && equalBytes(bytes.subarray(at, at + lengthBytes), expected);
}

function opensRight(
  cipher: NativeCipher,
  key: WasmKey,
  keyBytes: Uint8Array,
  memory: WebAssembly.Memory,
): boolean {
  const { buffer } = memory, bytes = new Uint8Array(buffer), count = LENGTHS.length;
  const places = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_AT, count);
  const lengths = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_LENGTH, count);
  const counters = new Float64Array(buffer, CIPHER_LAYOUT.TABLE_COUNTER, count);
  const results = new Int32Array(buffer, CIPHER_LAYOUT.TABLE_RESULT, count);
  let at = CIPHER_BYTES + 1;
  const texts = LENGTHS.map((length, i) => {
    const text = Uint8Array.from({ length }, (_, j) => i + 3 * j);
    const sealed = new Uint8Array(HEADER_BYTES + length + HEADER_BYTES);
    nobleAead.key(keyBytes).seal(COUNTER + i, text, NO_BYTES, sealed, HEADER_BYTES);
    bytes.set(sealed, at);
    if (FORGED.includes(i)) bytes[at + sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 0x80;
    [places[i], lengths[i], counters[i]] = [at, sealed.length, COUNTER + i];
    at += sealed.length + 3;
    return text;
  });
  return cipher.open(key, count) && texts.every((text, i) => {
    const start = (places[i] ?? 0) + HEADER_BYTES, isForged = FORGED.includes(i);
    return results[i] === (isForged ? -1 : text.length) &&
      equalBytes(bytes.slice(start, start + text.length), isForged ? text.slice().fill(0) : text);
  });
}
