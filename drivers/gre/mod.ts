/**
 * GRE (RFC 2784, RFC 2890): Ethernet frames or IP packets directly over IP, a key of 32 bits says whose.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
