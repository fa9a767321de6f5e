/**
 * How bytes leave the process: datagrams and streams as ports, over UDP, TCP or Unix sockets, WebSocket and
 * HTTP proxies. It knows nothing of what it carries, and never retries. RFC 768, RFC 9293, RFC 6455, RFC 9110.
 *
 * ```text
 *   wireguard ──▶ DatagramSocket ◀── openUdp
 *   channel   ──▶ ByteStream     ◀── dialTcp · listenTcp · dialUnix · listenUnix · OutwardDialer · UpgradableStream
 * ```
 * @module
 */

export {
  type DatagramBatch,
  type DatagramSocket,
  MAX_DATAGRAM_BYTES,
  MAX_SENDS_IN_FLIGHT,
  NoSocket,
} from "./datagram_socket.ts";
export { portInUse, PortInUseError, SocketError, SocketPathInUseError } from "./errors.ts";
export * from "./lan_sockets.ts";
export * from "./bound_udp.ts";
export { listenDatagrams } from "./runtime_datagrams.ts";
export * from "./http_proxy.ts";
export { OutwardDialer } from "./outward_dial.ts";
export * from "./socket_yield.ts";
export { acceptNext, connectWithin, type DialOptions, type ListenOptions } from "./runtime_sockets.ts";
export * from "./tcp.ts";
export * from "./udp_socket.ts";
export * from "./unix.ts";
export * from "./websocket/mod.ts";
