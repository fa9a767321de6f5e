/**
 * The local end of a stream carrier: a UDP socket on the loopback that stands for a member, so that the packet plane sends
 * to it, and hears of it, as of any other endpoint.
 * @module
 */

export * from "./carrier_socket.ts";
export { openPortableSocket } from "./portable_socket.ts";
