/**
 * Ethertypes that stand in drivers' headers.
 * @module
 */

import { ipVersion } from "../lib/net/mod.ts";

/** Transparent Ethernet bridging: the payload is an Ethernet frame (RFC 1701, RFC 7637 §3.2). */
export const ETHERTYPE_OF_ETHERNET = 0x6558;
/** IP, and the tags of IEEE 802.1Q. */
export const ETHERTYPE: {
  readonly IPV4: 0x0800;
  readonly IPV6: 0x86dd;
  readonly CUSTOMER_TAG: 0x8100;
  readonly SERVICE_TAG: 0x88a8;
} = { IPV4: 0x0800, IPV6: 0x86dd, CUSTOMER_TAG: 0x8100, SERVICE_TAG: 0x88a8 };

/** @returns the Ethertype of the IP packet at `at` */
export function ethertypeOfIp(bytes: Uint8Array, at: number): number {
  return ipVersion(bytes, at) === 6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4;
}
