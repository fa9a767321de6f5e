/**
 * NVGRE (RFC 7637): Ethernet frames over GRE, whose key is 24 bits that say whose, and 8 of the flow.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
