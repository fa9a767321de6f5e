/**
 * How packets of a driver are told from others where the mesh or a channel carries them: by UDP's port, or by the protocol
 * of IP. In front of a packet on a channel it stands as 2 bytes in network order; protocols are below 256, and no driver's
 * port is.
 * @module
 */

import type { DriverTransport, OverlayDriver } from "../../overlay/mod.ts";

/** RFC 3378 §2: the protocol of EtherIP, in which IP carries what is made for an Ethernet. */
const ETHERIP_PROTOCOL = 97;
/** RFC 3378 §3: version 3, and reserved bits that are zero. */
const ETHERIP_HEADER = 0x3000;
/** Stands before the frame of a driver on a link. */
export const ETHERIP_HEADER_BYTES = 2;
/** What a channel needs before a packet. */
export const CARRIER_BYTES = 2;

/** @returns the UDP port, or the IP protocol */
export function carrierOf(transport: DriverTransport): number {
  switch (transport.kind) {
    case "udp":
      return transport.port;
    case "ip":
      return transport.protocol;
    case "link":
      return ETHERIP_PROTOCOL;
  }
}

/** @returns how many bytes stand between the outer headers and the driver's */
export function carrierHeaderBytes({ capabilities }: OverlayDriver): number {
  return capabilities.transport.kind === "link" ? ETHERIP_HEADER_BYTES : 0;
}

/** Writes them before `at`. */
export function writeCarrierHeader(driver: OverlayDriver, bytes: Uint8Array, at: number): void {
  if (driver.capabilities.transport.kind !== "link") return;
  bytes[at - 2] = ETHERIP_HEADER >> 8;
  bytes[at - 1] = ETHERIP_HEADER & 0xff;
}

/** RFC 3378 §3: packets of another version are discarded; reserved bits are ignored. */
export function isCarrierHeader(
  driver: OverlayDriver,
  bytes: Uint8Array,
  at: number,
  lengthBytes: number,
): boolean {
  if (driver.capabilities.transport.kind !== "link") return true;
  return lengthBytes >= ETHERIP_HEADER_BYTES && (bytes[at] ?? 0) >> 4 === ETHERIP_HEADER >> 12;
}
