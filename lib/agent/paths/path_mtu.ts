/**
 * How long packets may be that take a path.
 * @module
 */

import { MAX_PROBE_BYTES } from "../../path/mod.ts";

/** What WireGuard adds to a packet: 16 bytes of header and 16 of tag. Padding stops at the path's limit. */
const SEALING_BYTES = 32;

/** @returns the longest datagram that a path is asked to carry for an interface, in bytes of UDP payload */
export function wantedPayloadBytes(interfaceMtuBytes: number): number {
  return Math.min(interfaceMtuBytes + SEALING_BYTES, MAX_PROBE_BYTES);
}

/**
 * @param payloadBytes the longest datagram that the path carries, in bytes of UDP payload
 * @param interfaceMtuBytes up to which packets are there at all
 * @returns the longest packet whose sealed form is no longer, in bytes
 */
export function innerMtuBytes(payloadBytes: number, interfaceMtuBytes: number): number {
  // Nothing longer was asked about, and what a path of jumbo frames carries is not known to be less.
  if (payloadBytes >= wantedPayloadBytes(interfaceMtuBytes)) return interfaceMtuBytes;
  return payloadBytes - SEALING_BYTES;
}
