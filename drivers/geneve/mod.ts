/**
 * Geneve (RFC 8926): Ethernet frames or IP packets over UDP, 24 bits say whose, with options.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
