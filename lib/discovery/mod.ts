/**
 * Who is near: nodes announce themselves to their neighbours and in the DHT, and answer seekers. It is pure: sockets
 * are behind a port, time and randomness are handed in. What it finds is only a place to dial; a member record proves
 * who belongs to the network.
 *
 * ```
 *   broadcast ─┐                   ┌─▶ found, left
 *   multicast ─┼─▶ Discovery ──────┤
 *   static    ─┘     └ DiscoveryState ── AnnouncementCodec
 *
 *   Mainline DHT ──▶ Dht ──▶ endpoints
 *                     └ DhtState ── DhtLookup ── KRPC ── bencode
 * ```
 *
 * @module
 */

export * from "./announcement.ts";
export * from "./dht.ts";
export { dhtKey, type DhtOptions } from "./dht_state.ts";
export * from "./discovery.ts";
export type { DiscoveryEvent, DiscoveryRole } from "./discovery_state.ts";
