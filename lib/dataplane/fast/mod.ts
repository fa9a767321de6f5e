/**
 * The fast way of packets: a thread of its own on raw descriptors, with superpackets of TCP and UDP on the side of the
 * host, GSO and GRO batches of datagrams on the side of the network.
 *
 * ```
 *   control thread                                   worker
 *   FastPlane ── commands: ring, eventfd ──────────▶ PacketEngine ── Device (keys, sessions, timers)
 *             ◀─ counts: SharedPeerStats, drops ──────      │  └────── BatchCipher (bytes)
 *             ◀─ events: messages ──────────────────  TUN ⇄ UDP
 * ```
 *
 * Who owns what: the control thread makes and closes descriptors, and mirrors the configuration; everything else is
 * the worker's alone, so that no key and no counter is ever shared. Where further workers seal (`sealing`), the sessions
 * that are sent by are shared with them.
 * @module
 */

export { FastCarrierSockets } from "./carrier/mod.ts";
export { FastPlane } from "./fast_plane.ts";
export { MAX_WORKERS } from "./sealing/mod.ts";
export { FastForwarder } from "./relay/mod.ts";
export { findNativeTier, MultiBufferLoader } from "./select_cipher.ts";
export { superpacketBounds } from "./udp/mod.ts";
