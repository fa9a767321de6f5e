/**
 * What a network is called on all hosts, as bytes.
 * @module
 */

import { blake2s } from "../../crypto/mod.ts";

/** How long it is. */
export const NETWORK_ID_BYTES = 16;

/** @returns the id of a network by its label, zero without */
export function networkIdOf(label: string | undefined): Uint8Array {
  if (label === undefined) return new Uint8Array(NETWORK_ID_BYTES);
  return blake2s(new TextEncoder().encode(label)).slice(0, NETWORK_ID_BYTES);
}
