/**
 * The mesh for ordinary programs: what speaks TCP, or SOCKS5, reaches a name of the mesh without knowing of it. RFC
 * 1928 without authentication. It never decides who may go where and resolves no name of the mesh: that is `Dial`'s.
 *
 * ```text
 *   program ──▶ SocksProxy  ──┐                                                ┌──▶ PortOffer ──▶ program
 *   program ──▶ PortForward ──┴─▶ Dial ──▶ Duplex ═ the mesh ═ Duplex ──▶ ─────┘
 *                                └─────────────── relay ──────────────┘
 * ```
 *
 * @module
 */

export * from "./dial.ts";
export { type Duplex, duplexPair } from "./duplex.ts";
export * from "./forward_spec.ts";
export * from "./forward_stream.ts";
export type { LocalListener } from "./local_listener.ts";
export * from "./port_forward.ts";
export * from "./port_offer.ts";
export * from "./relay.ts";
export * from "./socks_proxy.ts";
export * from "./tcp_duplex.ts";
export * from "./translated_listener.ts";
