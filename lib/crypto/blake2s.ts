/**
 * BLAKE2s (RFC 7693), HMAC over it (RFC 2104) and the key derivation of Noise and WireGuard.
 * @module
 */

import { BLOCK_BYTES } from "./blake2s_compress.ts";
import { Blake2sHash } from "./blake2s_hash.ts";

/** Length of a hash in bytes. */
export const HASH_BYTES = 32;

// RFC 2104 §2: ipad and opad.
const INNER = 0x36;
const OUTER = 0x5c;

/** @returns the 32-byte hash of the joined `parts` */
export function blake2s(...parts: readonly Uint8Array[]): Uint8Array {
  return digest(new Blake2sHash(HASH_BYTES), parts);
}

/**
 * Keyed BLAKE2s (RFC 7693 §2.9).
 * @param key 1 to 32 bytes
 * @param outBytes 16 for a WireGuard MAC, 32 for a key
 */
export function blake2sMac(key: Uint8Array, outBytes: 16 | 32, ...parts: readonly Uint8Array[]): Uint8Array {
  return digest(new Blake2sHash(outBytes, key), parts);
}

/** @returns the 32-byte HMAC-BLAKE2s (RFC 2104 §2) */
export function hmacBlake2s(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const pad = new Uint8Array(BLOCK_BYTES);
  pad.set(key.length > BLOCK_BYTES ? blake2s(key) : key);
  xorEach(pad, INNER);
  const inner = digest(new Blake2sHash(HASH_BYTES).update(pad), parts);
  xorEach(pad, INNER ^ OUTER);
  const outer = new Blake2sHash(HASH_BYTES).update(pad).update(inner).digest();
  pad.fill(0);
  return outer;
}

/**
 * HKDF as Noise defines it (Noise specification §4.3, WireGuard paper §5.4 "KDF").
 *
 * @param chainingKey 32 bytes
 * @param input any length, also none
 * @returns one to three outputs of 32 bytes
 */
export function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 1 | 2 | 3): Uint8Array[] {
  const temporary = hmacBlake2s(chainingKey, input);
  const derived: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  for (let i = 1; i <= outputs; i++) {
    previous = hmacBlake2s(temporary, previous, Uint8Array.of(i));
    derived.push(previous);
  }
  temporary.fill(0);
  return derived;
}

function digest(hash: Blake2sHash, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xorEach(bytes: Uint8Array, value: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ value;
}
