/**
 * Finding members and leaders whose endpoints are not known: on the networks of this host, and in the DHT. What is found
 * is an endpoint to dial; the handshake proves who is there.
 * @module
 */

export { DhtDiscovery, DhtProber } from "./dht_discovery.ts";
export { LanDiscovery, MovedMembers } from "./lan_discovery.ts";
export { LeaderSearch } from "./leader_search.ts";
