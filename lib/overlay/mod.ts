/**
 * Overlay networks that carry Ethernet frames: what a network, an endpoint and a driver are, and the switch between
 * endpoints. It opens no socket and no device, knows no member, and reads no clock.
 * @module
 */

export * from "./allotment.ts";
export * from "./bounds.ts";
export * from "./definitions.ts";
export * from "./driver.ts";
export * from "./endpoint.ts";
export * from "./errors.ts";
export * from "./network.ts";
export * from "./ownership.ts";
export * from "./switch/mod.ts";
