/**
 * Overlay networks on a running node.
 * @module
 */

export * from "./declared_networks.ts";
export * from "./frame_channels.ts";
