/**
 * The pump between a TUN device, the WireGuard protocol and a UDP socket.
 *
 * ```
 *   TUN ──readBatch──▶ Device.handlePacket ──pollTransmit──▶ UDP
 *   TUN ◀───write───── Device.handleDatagram ◀──receive───── UDP
 * ```
 *
 * It owns the loops, the one timer and the batch boundaries; who is a peer is the agent's business, and what a
 * packet means is the protocol's.
 * @module
 */

export * from "./fast/mod.ts";
export * from "./open_plane.ts";
export * from "./packet_plane.ts";
export * from "./portable_plane.ts";
