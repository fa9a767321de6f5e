/**
 * Frames of which an underlay carries the IP packets alone (GRE with IP payload): their headers are made anew from what is
 * bound.
 * @module
 */

import {
  ETHER_TYPE,
  ETHERNET_HEADER_BYTES,
  groupMac,
  IpAddress,
  ipDestinationOffset,
  ipSourceOffset,
  ipVersion,
  MacAddress,
  writeEthernetHeader,
} from "../../net/mod.ts";
import type { FrameForwarder } from "./frame_forwarder.ts";

/**
 * Writes the Ethernet header of an IP packet: from and to whom its addresses are bound, to the group where it is for one.
 * @param frameAt where the frame begins; the packet stands `ETHERNET_HEADER_BYTES` behind it
 * @param lengthBytes of the packet
 * @param fallbackSource the sender where the packet's source is bound to nobody: the gateway's, when there is one
 * @returns false, and nothing is written, when the packet is none, or nobody is known for one of its addresses
 */
export function writeHeaderOfPacket(
  forwarder: Pick<FrameForwarder, "lookupAddress">,
  network: number,
  bytes: Uint8Array,
  frameAt: number,
  lengthBytes: number,
  fallbackSource?: MacAddress,
): boolean {
  const at = frameAt + ETHERNET_HEADER_BYTES;
  const version = ipVersion(bytes, at);
  if (version === 0 || lengthBytes < (version === 4 ? 20 : 40)) return false;
  const addressBytes = version === 4 ? 4 : 16;
  const source = forwarder.lookupAddress(network, bytes, at + ipSourceOffset(version), addressBytes)?.mac ??
    fallbackSource;
  const destinationAt = at + ipDestinationOffset(version);
  const bound = forwarder.lookupAddress(network, bytes, destinationAt, addressBytes)?.mac;
  const destination = bound ?? groupOf(bytes, destinationAt, addressBytes);
  if (source === undefined || destination === undefined) return false;
  const etherType = version === 4 ? ETHER_TYPE.IPV4 : ETHER_TYPE.IPV6;
  writeEthernetHeader(bytes, frameAt, { source, destination, etherType });
  return true;
}

function groupOf(bytes: Uint8Array, at: number, addressBytes: 4 | 16): MacAddress | undefined {
  const first = bytes[at] ?? 0;
  // Nothing is made for what is for one host (RFC 5771 §3, RFC 4291 §2.7).
  if (addressBytes === 4 ? first < 224 : first !== 0xff) return undefined;
  const destination = bytes.subarray(at, at + addressBytes);
  const address = IpAddress.fromBytes(destination);
  if (address.isMulticast) return groupMac(address);
  return destination.every((byte) => byte === 0xff) ? MacAddress.BROADCAST : undefined;
}
