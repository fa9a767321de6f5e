/**
 * How long packets may be that take a path.
 * @module
 */

/** What WireGuard adds to a packet: 16 bytes of header and 16 of tag. */
export const SEALING_BYTES = 32;
/** Packets are padded to a multiple of this before they are sealed (WireGuard paper §5.4.6). */
const PADDING_BYTES = 16;

/**
 * @param payloadBytes the longest datagram that the path carries, in bytes of UDP payload
 * @param interfaceMtuBytes up to which packets are padded at most
 * @returns the longest packet whose sealed and padded form is no longer, in bytes
 */
export function innerMtuBytes(payloadBytes: number, interfaceMtuBytes: number): number {
  const roomBytes = payloadBytes - SEALING_BYTES;
  if (roomBytes >= interfaceMtuBytes) return interfaceMtuBytes;
  return Math.floor(roomBytes / PADDING_BYTES) * PADDING_BYTES;
}
