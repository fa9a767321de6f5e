/**
 * Finding members and leaders whose endpoints are not known: on the networks of this host, and in the DHT. What is found
 * is an endpoint to dial; the handshake proves who is there.
 * @module
 */

export { DhtDiscovery } from "./dht_discovery.ts";
export { DhtProber } from "./dht_prober.ts";
export { LanDiscovery } from "./lan_discovery.ts";
export { LeaderSearch } from "./leader_search.ts";
export { MovedMembers } from "./moved_members.ts";
