/**
 * How bytes leave the process: datagrams and streams as ports, over UDP, TCP, Unix sockets, or memory with a network's
 * faults. It knows nothing of what it carries, resolves no names, and never retries. RFC 768, RFC 9293.
 *
 * ```text
 *   wireguard ──▶ DatagramSocket ◀── openUdp · MemoryNetwork.open
 *   channel   ──▶ ByteStream     ◀── dialTcp · listenTcp · dialUnix · listenUnix · memoryStreamPair
 * ```
 * @module
 */

export {
  type DatagramBatch,
  type DatagramSocket,
  MAX_DATAGRAM_BYTES,
  MAX_SENDS_IN_FLIGHT,
} from "./datagram_socket.ts";
export { portInUse, PortInUseError, SocketError, SocketPathInUseError } from "./errors.ts";
export type { LinkQuality } from "./memory_link.ts";
export * from "./lan_sockets.ts";
export * from "./local_datagrams.ts";
export * from "./memory_network.ts";
export * from "./memory_stream.ts";
export * from "./no_socket.ts";
export * from "./socket_yield.ts";
export * from "./stream_listener.ts";
export * from "./tcp.ts";
export * from "./udp_socket.ts";
export * from "./unix.ts";
