/**
 * Texts that lead Poly1305 to the edges of its field, which chance does not (RFC 8439 §2.5).
 * @module
 */

import { chacha20 } from "@noble/ciphers/chacha.js";

const P = 2n ** 130n - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
const BLOCK = 2n ** 128n;
/** Of 32 bytes of text and no associated data (RFC 8439 §2.8). */
const LENGTHS = BLOCK + (32n << 64n);

/** Sums that a tag is to be made of: around nought, around powers of limbs, around p. */
export const EDGES: readonly bigint[] = [0n, 2n ** 44n, 2n ** 64n, 2n ** 88n, 2n ** 128n, P].flatMap((edge) =>
  [-6n, -5n, -2n, -1n, 0n, 1n, 4n, 5n, 6n].map((by) => (edge + by + P) % P)
);

/**
 * @param nonce 12 bytes
 * @param first 16 bytes, the first block of the ciphertext
 * @returns 32 bytes of text whose sum ends at `edge`, or undefined when that takes another first block
 */
export function textToEdge(
  key: Uint8Array,
  nonce: Uint8Array,
  { edge, first }: { readonly edge: bigint; readonly first: Uint8Array },
): Uint8Array | undefined {
  const stream = chacha20(key, nonce, new Uint8Array(96));
  const r = number(stream.subarray(0, 16)) & CLAMP, back = inverse(r);
  // (((first × r) + second) × r + lengths) × r = edge
  const second = modulo(modulo(edge * back - LENGTHS) * back - (number(first) + BLOCK) * r) - BLOCK;
  if (second < 0n || second >= BLOCK) return undefined;
  const ciphertext = new Uint8Array(32);
  ciphertext.set(first);
  for (let i = 0; i < 16; i++) ciphertext[16 + i] = Number((second >> BigInt(8 * i)) & 255n);
  return ciphertext.map((byte, i) => byte ^ (stream[64 + i] ?? 0));
}

/** @returns text whose ciphertext is ones alone */
export function textOfOnes(key: Uint8Array, nonce: Uint8Array, length: number): Uint8Array {
  return chacha20(key, nonce, new Uint8Array(64 + length)).subarray(64).map((byte) => byte ^ 255);
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.slice(0, 16).reverse().toHex()}`);
}

function modulo(value: bigint): bigint {
  return (value % P + P) % P;
}

/** The inverse modulo P, which is a prime. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (let exponent = P - 2n, power = value; exponent > 0n; exponent >>= 1n, power = power * power % P) {
    if (exponent & 1n) result = result * power % P;
  }
  return result;
}
