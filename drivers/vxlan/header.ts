/**
 * The header of VXLAN (RFC 7348 §5).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |R|R|R|R|I|R|R|R|            Reserved                           |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                VXLAN Network Identifier (VNI) |   Reserved    |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import { putUint24, uint24At } from "../fields.ts";

/** Always. */
export const VXLAN_HEADER_BYTES = 8;
/** RFC 7348 §5: the I flag MUST be set to 1 for a valid VNI. */
export const VXLAN_HAS_VNI = 0x08;

/** What the header says. */
export interface VxlanHeader {
  /** 24 bits. */
  readonly vni: number;
}

/** @returns 8 bytes; RFC 7348 §5: reserved fields MUST be set to zero on transmission */
export function encodeVxlan({ vni }: VxlanHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VXLAN_HEADER_BYTES);
  bytes[0] = VXLAN_HAS_VNI;
  putUint24(bytes, 4, vni);
  return bytes;
}

/**
 * @param bytes the payload of UDP
 * @returns the header, or undefined when it is cut off or has no VNI; reserved fields are ignored on receipt (RFC 7348 §5)
 */
export function decodeVxlan(bytes: Uint8Array): VxlanHeader | undefined {
  if (bytes.length < VXLAN_HEADER_BYTES || ((bytes[0] ?? 0) & VXLAN_HAS_VNI) === 0) return undefined;
  return { vni: uint24At(bytes, 4) };
}
