/**
 * How long superpackets should be: cut and sealed, one should fit one send.
 * @module
 */

import { Netlink } from "../../host/mod.ts";
import { MAX_SEND_BYTES, MAX_SEND_SEGMENTS } from "./gso_sender.ts";

/** WireGuard's header and tag. */
const SEALED_OVERHEAD_BYTES = 32;
/** IP and TCP with timestamps, as streams have them. */
const IPV4_HEADER_BYTES = 52;
const IPV6_HEADER_BYTES = 72;
/** Linux takes room for its own headers from it, and wraps or refuses below some 300 (MAX_TCP_HEADER). */
const LEAST_BYTES = 2048;

/** @returns the longest superpackets whose packets, of `mtuBytes` each, fit one send; never less than 2048 bytes */
export function superpacketBounds(mtuBytes: number): { readonly ipv4: number; readonly ipv6: number } {
  const fitting = Math.floor(MAX_SEND_BYTES / (mtuBytes + SEALED_OVERHEAD_BYTES));
  const packets = Math.max(1, Math.min(MAX_SEND_SEGMENTS, fitting));
  return {
    ipv4: Math.max(LEAST_BYTES, packets * (mtuBytes - IPV4_HEADER_BYTES) + IPV4_HEADER_BYTES),
    ipv6: Math.max(LEAST_BYTES, packets * (mtuBytes - IPV6_HEADER_BYTES) + IPV6_HEADER_BYTES),
  };
}

/** Tells the host's kernel; where it will not listen, longer superpackets take two sends. */
export function boundSuperpackets(interfaceName: string, mtuBytes: number): void {
  try {
    using netlink = Netlink.open();
    netlink.setSuperpacketBytes(interfaceName, superpacketBounds(mtuBytes));
  } catch {
    // The interface may live in another namespace by now.
  }
}
