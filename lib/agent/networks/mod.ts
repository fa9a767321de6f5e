/**
 * Overlay networks on a running node.
 * @module
 */

export * from "./frame_channels.ts";
