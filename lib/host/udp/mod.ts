/**
 * UDP sockets that are used by their descriptors, options of those that the runtime has opened, and addresses as Linux
 * writes them.
 * @module
 */

export * from "./runtime_socket.ts";
export * from "./socket_address.ts";
export { bindUdp, type BoundUdp, type OffloadUdp, openOffloadUdp, type PortTaken } from "./udp_socket.ts";
