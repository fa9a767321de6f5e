/**
 * Packets that programs of this host send into the mesh, or that it forwards, as if the switch had made them. A member is
 * believed to send by its switch alone what it sends in a network, so no other way leads there from its host: not from a
 * program without privileges, and not from a network whose gateway the host is.
 * @module
 */

import { IP_PROTOCOL, type IpFamily, uint16At } from "../../net/mod.ts";
import type { PacketDecoder } from "./packet_decoder.ts";

const UDP_HEADER_BYTES = 8;
const UDP_PORT_OFFSET = 2;
/** RFC 791 §3.1: more fragments follow, or it is a later one. Fragments are nothing to the other host's switch. */
const FRAGMENT_BITS = 0x3fff;

/**
 * Looks for a packet of a network of this host, and counts it with the network as `from-host`.
 * @param at where an IP packet begins that has a whole header
 * @param segmentBytes of a superpacket of UDP: the payload of each packet, any of which may be of a network; else 0
 * @returns whether it must not be sent
 */
export function isForbiddenOfHost<Remote extends object>(
  decoder: PacketDecoder<Remote>,
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
  version: IpFamily,
  segmentBytes: number,
): boolean {
  const protocol = bytes[at + (version === 4 ? 9 : 6)] ?? 0;
  const carriedAt = at + (version === 4 ? ((bytes[at] ?? 0) & 15) * 4 : 40);
  const isUdp = protocol === IP_PROTOCOL.UDP;
  const carrier = isUdp ? uint16At(bytes, carriedAt + UDP_PORT_OFFSET) : protocol;
  if (!decoder.expects(carrier)) return false;
  if (version === 4 && (uint16At(bytes, at + 6) & FRAGMENT_BITS) !== 0) return false;
  const end = at + lengthBytes;
  const stepBytes = segmentBytes > 0 ? segmentBytes : lengthBytes;
  for (let from = carriedAt + (isUdp ? UDP_HEADER_BYTES : 0); from < end; from += stepBytes) {
    const network = decoder.networkOf(carrier, bytes, from, Math.min(stepBytes, end - from));
    if (network === undefined) continue;
    network.countDrop("from-host");
    return true;
  }
  return false;
}
