/**
 * Sockets that are read and written by their descriptors, beside those of UDP.
 * @module
 */

export * from "./frame_device.ts";
export * from "./socket_pair.ts";
