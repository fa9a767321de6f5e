/**
 * Comparing secrets.
 * @module
 */

/** Compares two byte strings in time that depends only on their lengths. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** @returns whether every byte is zero, in constant time */
export function isAllZero(bytes: Uint8Array): boolean {
  let union = 0;
  for (let i = 0; i < bytes.length; i++) union |= bytes[i] as number;
  return union === 0;
}
