/**
 * MPLS over UDP (RFC 7510): Ethernet frames or IP packets behind labels, 20 bits say whose.
 * @module
 */

export * from "./driver.ts";
export * from "./header.ts";
