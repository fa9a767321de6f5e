/**
 * The Address Resolution Protocol over Ethernet (RFC 826).
 *
 *      0  hardware 1, protocol 0x0800
 *      4  length of a hardware address 6, of a protocol's 4, operation
 *      8  sender: hardware address, protocol's address
 *     18  target: hardware address, protocol's address
 *
 * @module
 */

import { ETHER_TYPE, writeEthernetHeader, writeMac } from "./ethernet.ts";
import { int32At } from "./ethernet.ts";
import { uint16At } from "./ip_packet.ts";
import type { MacAddress } from "./mac_address.ts";

/** How long a packet is. */
export const ARP_BYTES = 28;
/** What a packet asks or says (RFC 826). */
export const ARP_OPERATION: { readonly REQUEST: 1; readonly REPLY: 2 } = { REQUEST: 1, REPLY: 2 };

/** Where a packet has its addresses, from its beginning on. */
export const ARP_AT = { SENDER_MAC: 8, SENDER_IP: 14, TARGET_MAC: 18, TARGET_IP: 24 } as const;

/**
 * @param at where the packet begins
 * @returns the operation, or undefined when it is no packet for Ethernet and IPv4, or is cut off
 */
export function arpOperation(bytes: Uint8Array, at: number, lengthBytes: number): 1 | 2 | undefined {
  // Hardware 1 (RFC 826), protocol 0x0800; lengths 6 and 4.
  if (lengthBytes < ARP_BYTES || int32At(bytes, at) !== 0x0001_0800 || uint16At(bytes, at + 4) !== 0x0604) {
    return undefined;
  }
  const operation = uint16At(bytes, at + 6);
  return operation === ARP_OPERATION.REQUEST || operation === ARP_OPERATION.REPLY ? operation : undefined;
}

/** Who says or is told what. */
export interface ArpParty {
  readonly mac: MacAddress;
  /** Four bytes. */
  readonly address: Uint8Array;
}

/** Writes a packet. @param at where it begins; `ARP_BYTES` are written */
export function writeArp(
  bytes: Uint8Array,
  at: number,
  packet: { readonly operation: 1 | 2; readonly sender: ArpParty; readonly target: ArpParty },
): void {
  bytes.set([0, 1, 8, 0, 6, 4, 0, packet.operation], at);
  writeMac(bytes, at + ARP_AT.SENDER_MAC, packet.sender.mac);
  bytes.set(packet.sender.address, at + ARP_AT.SENDER_IP);
  writeMac(bytes, at + ARP_AT.TARGET_MAC, packet.target.mac);
  bytes.set(packet.target.address, at + ARP_AT.TARGET_IP);
}

/** @returns a frame to `destination` with a packet, from whoever the packet's sender is */
export function arpFrame(
  destination: MacAddress,
  packet: { readonly operation: 1 | 2; readonly sender: ArpParty; readonly target: ArpParty },
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + ARP_BYTES);
  const header = { destination, source: packet.sender.mac, etherType: ETHER_TYPE.ARP };
  writeArp(frame, writeEthernetHeader(frame, 0, header), packet);
  return frame;
}
