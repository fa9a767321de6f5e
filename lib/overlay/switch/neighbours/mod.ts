/**
 * Who has which IP address: forged ARP and Neighbor Discovery is refused, what is known is answered, and what has moved is
 * announced.
 * @module
 */

export * from "./address_guard.ts";
export * from "./announcer.ts";
export * from "./arp_guard.ts";
export * from "./nd_guard.ts";
