/**
 * The header of NVGRE (RFC 7637 §3.2): that of GRE, with a key and nothing else that is optional.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |0| |1|0|   Reserved0     | Ver |   Protocol Type 0x6558        |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |               Virtual Subnet ID (VSID)        |    FlowID     |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @module
 */

import { decodeGre, encodeGre } from "../gre/mod.ts";
import { ETHERTYPE_OF_ETHERNET } from "../ethertype.ts";

/** Always. */
export const NVGRE_HEADER_BYTES = 8;

/** What the header says. */
export interface NvgreHeader {
  /** 24 bits. */
  readonly vsid: number;
  /** 8 bits: tells flows of one network apart. */
  readonly flowId: number;
}

/** @returns 8 bytes */
export function encodeNvgre({ vsid, flowId }: NvgreHeader): Uint8Array<ArrayBuffer> {
  const key = (vsid * 256 + flowId) >>> 0;
  return encodeGre({ protocolType: ETHERTYPE_OF_ETHERNET, key, hasChecksum: false });
}

/** @returns the header, or undefined when it is malformed or one of GRE alone */
export function decodeNvgre(bytes: Uint8Array): NvgreHeader | undefined {
  const header = decodeGre(bytes);
  // RFC 7637 §3.2: C and S MUST be zero, K MUST be one.
  if (header?.key === undefined || header.hasChecksum || header.sequence !== undefined) return undefined;
  if (header.protocolType !== ETHERTYPE_OF_ETHERNET) return undefined;
  return { vsid: header.key >>> 8, flowId: header.key & 0xff };
}
