/**
 * VXLAN (RFC 7348): Ethernet frames over UDP, 24 bits say whose.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
