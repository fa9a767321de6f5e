/**
 * The header of GRE (RFC 2784 §2, RFC 2890 §2).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |C| |K|S| Reserved0       | Ver |         Protocol Type         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      Checksum (optional)      |       Reserved1 (Optional)    |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                         Key (optional)                        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                 Sequence Number (Optional)                    |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import { internetChecksum, putUint16, uint16At } from "../../lib/net/mod.ts";
import { putUint32, uint32At } from "../fields.ts";

/** The number of the protocol in IP (RFC 2784 §4). */
export const GRE_PROTOCOL = 47;
/** Without optional fields. */
export const GRE_MIN_HEADER_BYTES = 4;
/** With all of them. */
export const GRE_MAX_HEADER_BYTES = 16;
/** C, K and S. */
export const GRE_FLAG: { readonly CHECKSUM: 0x8000; readonly KEY: 0x2000; readonly SEQUENCE: 0x1000 } = {
  CHECKSUM: 0x8000,
  KEY: 0x2000,
  SEQUENCE: 0x1000,
};
/** RFC 2784 §2.3: bits 1 to 5 are refused when set, but for K and S. The rest of Reserved0 is ignored. */
export const GRE_REFUSED_FLAGS = 0x4c00;
/** RFC 2784 §2.3.1: it MUST be zero. */
export const GRE_VERSION = 0x0007;

/** What the header says. */
export interface GreHeader {
  /** An Ethertype. */
  readonly protocolType: number;
  /** 32 bits; absent when there is none. */
  readonly key?: number;
  /** 32 bits; absent when there is none. */
  readonly sequence?: number;
  readonly hasChecksum: boolean;
}

/** @returns how long a header with these flags is, in bytes */
export function greHeaderBytes(flags: number): number {
  return GRE_MIN_HEADER_BYTES + ((flags & GRE_FLAG.CHECKSUM) !== 0 ? 4 : 0) +
    ((flags & GRE_FLAG.KEY) !== 0 ? 4 : 0) + ((flags & GRE_FLAG.SEQUENCE) !== 0 ? 4 : 0);
}

/** @returns 4 to 16 bytes; a checksum is zero until `writeGreChecksum` */
export function encodeGre({ protocolType, key, sequence, hasChecksum }: GreHeader): Uint8Array<ArrayBuffer> {
  const flags = (hasChecksum ? GRE_FLAG.CHECKSUM : 0) | (key !== undefined ? GRE_FLAG.KEY : 0) |
    (sequence !== undefined ? GRE_FLAG.SEQUENCE : 0);
  const bytes = new Uint8Array(greHeaderBytes(flags));
  putUint16(bytes, 0, flags);
  putUint16(bytes, 2, protocolType);
  let at = hasChecksum ? 8 : 4;
  if (key !== undefined) {
    putUint32(bytes, at, key);
    at += 4;
  }
  if (sequence !== undefined) putUint32(bytes, at, sequence);
  return bytes;
}

/** @returns the header of a packet, whose checksum is right if it has one; or undefined when it is malformed */
export function decodeGre(bytes: Uint8Array): GreHeader | undefined {
  if (bytes.length < GRE_MIN_HEADER_BYTES) return undefined;
  const flags = uint16At(bytes, 0);
  if ((flags & (GRE_REFUSED_FLAGS | GRE_VERSION)) !== 0 || bytes.length < greHeaderBytes(flags)) {
    return undefined;
  }
  const hasChecksum = (flags & GRE_FLAG.CHECKSUM) !== 0;
  if (hasChecksum && internetChecksum(bytes, 0, bytes.length) !== 0) return undefined;
  const hasKey = (flags & GRE_FLAG.KEY) !== 0;
  const keyAt = hasChecksum ? 8 : 4;
  const sequenceAt = hasKey ? keyAt + 4 : keyAt;
  return {
    protocolType: uint16At(bytes, 2),
    ...hasKey && { key: uint32At(bytes, keyAt) },
    ...(flags & GRE_FLAG.SEQUENCE) !== 0 && { sequence: uint32At(bytes, sequenceAt) },
    hasChecksum,
  };
}

/** RFC 2784 §2.4: the checksum of header and payload, in a header that has one. */
export function writeGreChecksum(bytes: Uint8Array, at: number, lengthBytes: number): void {
  putUint16(bytes, at + 4, 0);
  putUint16(bytes, at + 4, internetChecksum(bytes, at, lengthBytes));
}
