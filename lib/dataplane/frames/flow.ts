/**
 * Which flow a frame is of.
 * @module
 */

import { uint16At } from "../../net/mod.ts";

/** @returns 32 bits, the same for all frames between two stations */
export function flowOf(bytes: Uint8Array, at: number, lengthBytes: number): number {
  let hash = 0x811c_9dc5;
  const end = at + Math.min(12, lengthBytes);
  for (let i = at; i < end; i += 2) hash = Math.imul(hash ^ uint16At(bytes, i), 0x0100_0193);
  return hash >>> 0;
}
