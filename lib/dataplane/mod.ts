/**
 * The packet plane: what carries packets between a TUN device, the WireGuard protocol and a UDP socket. There are two,
 * behind one port. `PortablePlane` goes through `Device` packet by packet, on the main thread:
 *
 * ```
 *   TUN ──readBatch──▶ Device.handlePacket ──pollTransmit──▶ UDP
 *   TUN ◀───write───── Device.handleDatagram ◀──receive───── UDP
 * ```
 *
 * `FastPlane` (Linux, `fast`), which `openPlane` prefers, has a worker that seals and opens whole batches in WebAssembly,
 * and goes through `Device` for handshakes alone. What this host sends to a member without a packet plane both show to
 * `TransparentProxy` (`proxy`), which leads it to a listener of the agent.
 *
 * It owns the loops, the one timer and the batch boundaries; who is a peer is the agent's business, and what a
 * packet means is the protocol's.
 * @module
 */

export * from "./carrier/mod.ts";
export { FastPlane, findNativeTier, MultiBufferLoader, superpacketBounds } from "./fast/mod.ts";
export * from "./frames/mod.ts";
export * from "./open_carrier_sockets.ts";
export * from "./open_plane.ts";
export * from "./manager/mod.ts";
export * from "./packet_plane.ts";
export * from "./portable_plane.ts";
export { openForwarder } from "./relay/mod.ts";
export { PlaneGuards, type PlanePolicy, type PolicyPlane, type PolicyReport } from "./policy/mod.ts";
export * from "./probes/mod.ts";
export type { ProxyAnswer, ProxyChange, ProxyQuestion } from "./proxy/mod.ts";
