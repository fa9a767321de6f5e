/**
 * Sockets that are read and written by their descriptors, beside those of UDP: of an Ethernet, of IP itself, of a group,
 * and in pairs.
 * @module
 */

export * from "./frame_device.ts";
export { openPacketSocket, type PacketSocket, type PacketSocketOptions } from "./packet_socket.ts";
export * from "./packet_reader.ts";
export * from "./raw_ip_socket.ts";
export * from "./socket_pair.ts";
export * from "./underlay_options.ts";
export * from "./underlay_udp.ts";
