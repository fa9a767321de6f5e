/**
 * Neighbor Discovery for IPv6 over Ethernet (RFC 4861 §4, RFC 2464 §6).
 *
 *     neighbor solicitation 135, advertisement 136      options
 *      0  type, code 0, checksum                         0  type: 1 source's, 2 target's MAC address
 *      4  flags of an advertisement: R, S, O             1  length in 8 bytes, never 0
 *      8  target                                         2  MAC address
 *     24  options
 *
 * Options begin at 8 in a router solicitation (133), at 16 in an advertisement (134), at 40 in a redirect (137).
 *
 * @module
 */

import { ETHER_TYPE, writeEthernetHeader, writeMac } from "./ethernet.ts";
import { putUint16 } from "./ip_packet.ts";
import { icmpv6Checksum } from "./ipv6_headers.ts";
import type { MacAddress } from "./mac_address.ts";

/** What a message is. */
export const ND_TYPE = {
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOR_SOLICITATION: 135,
  NEIGHBOR_ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const;

/** RFC 4861 §4.4: the sender routes, was asked, and knows better than what was known. */
export const NA_FLAG = { ROUTER: 0x80, SOLICITED: 0x40, OVERRIDE: 0x20 } as const;

/** Nothing that a router has passed on has it (RFC 4861 §6.1, §7.1). */
export const ND_HOP_LIMIT = 255;

const SOURCE_MAC_OPTION = 1;
const TARGET_MAC_OPTION = 2;
const TARGET_AT = 8;
const ADVERTISEMENT_BYTES = 32;
const OPTIONS_AT = [8, 16, 24, 24, 40];

/** What a message says, as places in its bytes; one object is used for all messages. */
export class NdMessage {
  type = 0;
  /** Where the target's address is, or -1. */
  targetAt = -1;
  /** Where the MAC addresses of the source and of the target are, or -1. */
  sourceMacAt = -1;
  targetMacAt = -1;

  /**
   * @param at where the ICMPv6 message begins; its checksum and hop limit are the caller's matter
   * @returns false when it is none, or is cut off, or contradicts itself
   */
  read(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
    const type = bytes[at] ?? 0;
    const optionsAt = OPTIONS_AT[type - ND_TYPE.ROUTER_SOLICITATION];
    if (optionsAt === undefined || lengthBytes < optionsAt || bytes[at + 1] !== 0) return false;
    this.type = type;
    this.targetAt = type >= ND_TYPE.NEIGHBOR_SOLICITATION ? at + TARGET_AT : -1;
    this.sourceMacAt = -1;
    this.targetMacAt = -1;
    const end = at + lengthBytes;
    for (let option = at + optionsAt; option < end;) {
      const optionBytes = 8 * (bytes[option + 1] ?? 0);
      // RFC 4861 §4.6: with a length of 0 all of the message is discarded.
      if (option + 2 > end || optionBytes === 0 || option + optionBytes > end) return false;
      const kind = bytes[option];
      if (kind === SOURCE_MAC_OPTION || kind === TARGET_MAC_OPTION) {
        // Hosts differ in which of two they take, so two are refused; and none is longer over Ethernet (RFC 2464 §6).
        const former = kind === SOURCE_MAC_OPTION ? this.sourceMacAt : this.targetMacAt;
        if (former >= 0 || optionBytes !== 8) return false;
        if (kind === SOURCE_MAC_OPTION) this.sourceMacAt = option + 2;
        else this.targetMacAt = option + 2;
      }
      option += optionBytes;
    }
    return true;
  }
}

/** Who says where whom. */
export interface NeighborAdvertisement {
  /** To whom the frame and the packet go; 16 bytes. */
  readonly destination: { readonly mac: MacAddress; readonly address: Uint8Array };
  /** Whose address it is; 16 bytes. */
  readonly target: { readonly mac: MacAddress; readonly address: Uint8Array };
  /** Of `NA_FLAG`. */
  readonly flags: number;
}

/** @returns a frame with an advertisement, from the target itself */
export function neighborAdvertisementFrame(said: NeighborAdvertisement): Uint8Array<ArrayBuffer> {
  const { destination, target, flags } = said;
  const frame = new Uint8Array(14 + 40 + ADVERTISEMENT_BYTES);
  const header = { destination: destination.mac, source: target.mac, etherType: ETHER_TYPE.IPV6 };
  const ip = writeEthernetHeader(frame, 0, header);
  frame.set([0x60, 0, 0, 0, 0, ADVERTISEMENT_BYTES, 58, ND_HOP_LIMIT], ip);
  frame.set(target.address, ip + 8);
  frame.set(destination.address, ip + 24);
  const at = ip + 40;
  frame[at] = ND_TYPE.NEIGHBOR_ADVERTISEMENT;
  frame[at + 4] = flags;
  frame.set(target.address, at + TARGET_AT);
  frame.set([TARGET_MAC_OPTION, 1], at + 24);
  writeMac(frame, at + 26, target.mac);
  putUint16(frame, at + 2, icmpv6Checksum(frame, ip, at, ADVERTISEMENT_BYTES));
  return frame;
}
