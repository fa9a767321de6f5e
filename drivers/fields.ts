/**
 * Fields of headers that are longer than 16 bits, in network order.
 * @module
 */

import { uint16At } from "../lib/net/mod.ts";

/** The largest number of 24 bits. */
export const MAX_UINT24 = 0xff_ffff;
/** The largest number of 32 bits. */
export const MAX_UINT32 = 0xffff_ffff;

/** @returns the 24 bits at `at` */
export function uint24At(bytes: Uint8Array, at: number): number {
  return (uint16At(bytes, at) << 8) | (bytes[at + 2] ?? 0);
}

/** Writes 24 bits. */
export function putUint24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 16;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value;
}

/** @returns the 32 bits at `at`, without a sign */
export function uint32At(bytes: Uint8Array, at: number): number {
  return ((uint16At(bytes, at) << 16) | uint16At(bytes, at + 2)) >>> 0;
}

/** Writes 32 bits. */
export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
