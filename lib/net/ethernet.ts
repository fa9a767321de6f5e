/**
 * Headers of Ethernet frames, read in place (IEEE 802.3-2018 §3.1.1, IEEE 802.1Q-2014 §9).
 *
 *      0  destination
 *      6  source
 *     12  length of what follows, up to 1500, or the protocol's number (EtherType), from 1536 on
 *     14  payload
 *
 * A tag stands between the source and the protocol's number: 2 bytes that say which kind, 2 bytes with the priority and the
 * VLAN. Behind a length stands LLC (IEEE 802.2), and where that is SNAP, a protocol's number again (RFC 1042).
 *
 * @module
 */

import type { IpAddress } from "./ip_address.ts";
import { uint16At } from "./ip_packet.ts";
import { MAC_BYTES, MacAddress } from "./mac_address.ts";

/** Numbers of protocols in frames. */
export const ETHER_TYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** A customer's tag (IEEE 802.1Q-2014 table 9-1). */
  VLAN: 0x8100,
  /** A provider's tag. */
  SERVICE_VLAN: 0x88a8,
  IPV6: 0x86dd,
  /** IEEE Std 802 local experimental 1 (IEEE 802-2014 §9.2.4). */
  EXPERIMENTAL: 0x88b5,
} as const;

/** Addresses and protocol. */
export const ETHERNET_HEADER_BYTES = 14;
/** One tag. */
export const VLAN_TAG_BYTES = 4;
/** More tags than anybody needs are a way to hide what is behind them. */
export const MAX_VLAN_TAGS = 4;

/** From here on it is a protocol's number, below a length (IEEE 802.3-2018 §3.2.6). */
const MIN_ETHER_TYPE = 0x0600;

/** Why bytes are no frame. */
export type EthernetFailure = "short-frame" | "bad-length" | "too-many-tags";

/** What a header says; one object is used for all frames. Addresses are numbers of 16 and 32 bits, the latter signed. */
export class EthernetHeader {
  destinationHigh = 0;
  destinationLow = 0;
  sourceHigh = 0;
  sourceLow = 0;
  /** What is carried, behind all tags and SNAP; 0 for other payloads with a length. */
  etherType = 0;
  /** Where that begins. */
  payloadAt = 0;
  /** How many tags there are. */
  tags = 0;

  /**
   * @param at where the frame begins
   * @returns why it is none, or undefined when the fields say what it is
   */
  read(bytes: Uint8Array, at: number, lengthBytes: number): EthernetFailure | undefined {
    if (lengthBytes < ETHERNET_HEADER_BYTES) return "short-frame";
    this.destinationHigh = uint16At(bytes, at);
    this.destinationLow = int32At(bytes, at + 2);
    this.sourceHigh = uint16At(bytes, at + 6);
    this.sourceLow = int32At(bytes, at + 8);
    const end = at + lengthBytes;
    let payloadAt = at + ETHERNET_HEADER_BYTES;
    let etherType = uint16At(bytes, payloadAt - 2);
    let tags = 0;
    while (etherType === ETHER_TYPE.VLAN || etherType === ETHER_TYPE.SERVICE_VLAN) {
      if (++tags > MAX_VLAN_TAGS) return "too-many-tags";
      payloadAt += VLAN_TAG_BYTES;
      if (payloadAt > end) return "short-frame";
      etherType = uint16At(bytes, payloadAt - 2);
    }
    this.tags = tags;
    if (etherType < MIN_ETHER_TYPE) {
      // Padding to the least length may follow (IEEE 802.3-2018 §3.2.8).
      if (etherType > end - payloadAt) return "bad-length";
      etherType = 0;
      if (end - payloadAt >= 8 && isSnap(bytes, payloadAt)) {
        etherType = uint16At(bytes, payloadAt + 6);
        payloadAt += 8;
      }
    }
    this.etherType = etherType;
    this.payloadAt = payloadAt;
    return undefined;
  }
}

/**
 * Writes a header without tags.
 * @param at where the frame begins
 * @returns where its payload begins
 */
export function writeEthernetHeader(
  bytes: Uint8Array,
  at: number,
  header: { readonly destination: MacAddress; readonly source: MacAddress; readonly etherType: number },
): number {
  writeMac(bytes, at, header.destination);
  writeMac(bytes, at + MAC_BYTES, header.source);
  bytes[at + 12] = header.etherType >> 8;
  bytes[at + 13] = header.etherType;
  return at + ETHERNET_HEADER_BYTES;
}

/** LLC to SNAP, unnumbered information, no organization: a protocol's number follows (RFC 1042). */
function isSnap(bytes: Uint8Array, at: number): boolean {
  return int32At(bytes, at) === (0xaaaa0300 | 0) && uint16At(bytes, at + 4) === 0;
}

/** Writes the six bytes of an address. */
export function writeMac(bytes: Uint8Array, at: number, { high, low }: MacAddress): void {
  bytes[at] = high >> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = low >>> 24;
  bytes[at + 3] = low >>> 16;
  bytes[at + 4] = low >>> 8;
  bytes[at + 5] = low;
}

/**
 * The address of a multicast group's frames (RFC 1112 §6.4, RFC 2464 §7).
 * @throws RangeError when the address is no group's
 */
export function groupMac(group: IpAddress): MacAddress {
  if (!group.isMulticast) {
    throw new RangeError(`Cannot make a group's MAC address of ${group}: it is no group`);
  }
  const { bytes, family } = group;
  return MacAddress.fromBytes(
    family === 4
      ? Uint8Array.of(0x01, 0x00, 0x5e, (bytes[1] ?? 0) & 0x7f, bytes[2] ?? 0, bytes[3] ?? 0)
      : Uint8Array.of(0x33, 0x33, ...bytes.subarray(12)),
  );
}

/** @returns the 32 bits at `at`, in network order, signed */
export function int32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0);
}
