/**
 * Carrying the datagrams of a relay (`lib/relay`) between UDP sockets: by a thread of its own where the host has what it
 * needs (`fast/relay`), else by the runtime's sockets.
 * @module
 */

export * from "./open_forwarder.ts";
export { PortableForwarder } from "./portable_forwarder.ts";
