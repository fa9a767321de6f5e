/**
 * Who has which IP address: forged ARP and ND is refused, and what is known is answered.
 * @module
 */

export * from "./arp_guard.ts";
