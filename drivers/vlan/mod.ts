/**
 * VLANs (IEEE 802.1Q, 802.1ad): tags of 12 bits in the frames of an Ethernet say whose they are.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
