/**
 * UDP sockets that are used by their descriptors, options of those that the runtime has opened, and addresses as Linux
 * writes them.
 * @module
 */

export * from "./socket_address.ts";
export {
  bindUdp,
  type BoundUdp,
  enlargeUdpBuffers,
  markUdpSocket,
  type OffloadUdp,
  openLoopbackUdp,
  openOffloadUdp,
} from "./raw_udp.ts";
export * from "./uncut_udp.ts";
