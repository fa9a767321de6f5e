/**
 * Lowering the longest segment that an end of a TCP connection says it takes, so that both ends fit a path that is
 * narrower than their links (RFC 9293 §3.7.1, RFC 6691).
 * @module
 */

import type { IpFamily } from "./ip_address.ts";
import { IP_PROTOCOL, ipPayloadOffset, putUint16, uint16At } from "./ip_packet.ts";
import { TCP_FLAGS, TCP_HEADER_BYTES, tcpHeaderBytes } from "./tcp.ts";

const OPTION = { END: 0, NO_OPERATION: 1, MSS: 2 } as const;
const MSS_OPTION_BYTES = 4;
const OFFSET = 0x1fff;

/**
 * Lowers what a SYN, or its answer, names; of anything else it looks at two bytes.
 * @param at where an IP packet of this `version` begins, whose header has been checked
 * @param mtuBytes how long packets of the connection may be
 * @param isPartial the checksum of the segment is only begun, by the sum of the pseudo-header
 */
export function clampTcpMss(
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  how: { readonly version: IpFamily; readonly mtuBytes: number; readonly isPartial?: boolean },
): void {
  const { version, mtuBytes, isPartial = false } = how;
  const isIpv4 = version === 4;
  if (bytes[at + (isIpv4 ? 9 : 6)] !== IP_PROTOCOL.TCP) return;
  const segment = ipPayloadOffset(bytes, at, version);
  if (((bytes[segment + 13] ?? 0) & TCP_FLAGS.SYN) === 0) return;
  if (isIpv4 && (uint16At(bytes, at + 6) & OFFSET) !== 0) return;
  const headerBytes = tcpHeaderBytes(bytes, segment, at + lengthBytes);
  const optionAt = findMss(bytes, segment, headerBytes);
  const valueAt = optionAt + 2;
  const most = mtuBytes - (isIpv4 ? 20 : 40) - TCP_HEADER_BYTES;
  if (optionAt < 0 || uint16At(bytes, valueAt) <= most) return;
  const former = uint16At(bytes, valueAt);
  putUint16(bytes, valueAt, most);
  if (isPartial) return;
  // RFC 1624 §3: HC' = ~(~HC + ~m + m'); what stands on an odd place counts with its bytes exchanged.
  const isOdd = ((valueAt - segment) & 1) !== 0;
  const counted = (value: number) => isOdd ? ((value & 0xff) << 8) | (value >> 8) : value;
  let sum = (~uint16At(bytes, segment + 16) & 0xffff) + (~counted(former) & 0xffff) + counted(most);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  putUint16(bytes, segment + 16, ~sum & 0xffff);
}

/** @returns where the option stands, or -1 */
function findMss(bytes: Uint8Array, segment: number, headerBytes: number): number {
  const end = segment + headerBytes;
  for (let at = segment + TCP_HEADER_BYTES; at < end;) {
    const kind = bytes[at];
    if (kind === OPTION.END) return -1;
    if (kind === OPTION.NO_OPERATION) {
      at++;
      continue;
    }
    const lengthBytes = at + 1 < end ? bytes[at + 1] ?? 0 : 0;
    if (lengthBytes < 2) return -1;
    if (kind === OPTION.MSS) return lengthBytes === MSS_OPTION_BYTES && at + lengthBytes <= end ? at : -1;
    at += lengthBytes;
  }
  return -1;
}
