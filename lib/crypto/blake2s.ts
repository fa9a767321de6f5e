/**
 * BLAKE2s (RFC 7693), HMAC over it (RFC 2104) and the key derivation of Noise and WireGuard.
 * @module
 */

import { blake2s as nobleBlake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { concatBytes } from "../base/mod.ts";

/** Length of a hash in bytes. */
export const HASH_BYTES = 32;

/** @returns the 32-byte hash of the joined `parts` */
export function blake2s(...parts: readonly Uint8Array[]): Uint8Array {
  return nobleBlake2s(join(parts));
}

/**
 * Keyed BLAKE2s (RFC 7693 §2.9).
 * @param key 1 to 32 bytes
 * @param outBytes 16 for a WireGuard MAC, 32 for a key
 */
export function blake2sMac(key: Uint8Array, outBytes: 16 | 32, ...parts: readonly Uint8Array[]): Uint8Array {
  return nobleBlake2s(join(parts), { key, dkLen: outBytes });
}

/** @returns the 32-byte HMAC-BLAKE2s */
export function hmacBlake2s(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return hmac(nobleBlake2s, key, join(parts));
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

function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0] as Uint8Array : concatBytes(...parts);
}
