/**
 * Servers of NATS JetStream that members run to keep collections: a leader says which members, each of them runs the
 * program that is on its host, and keeps collections by all of them. It opens nothing beside the mesh: servers listen at
 * the addresses of their members there, or on loopback where one is alone.
 *
 * ```
 *   weft data up ──▶ ServerActs ──▶ entry of the network's key ──▶ DataServers of each host ──▶ HostServer
 *                     secret, sealed to each host ───────┘                 └──▶ the engine of its collections
 * ```
 *
 * @module
 */

export * from "./data_servers.ts";
export type { NamedHost } from "./former_servers.ts";
export type { ServersAccess } from "./host_server.ts";
export { NATS_SERVICE } from "./server_calls.ts";
export * from "./server_acts.ts";
export { checkReplaceable } from "./server_replacement.ts";
export { isProgramPath, MAX_HOSTS, type ServersDecision } from "./server_entry.ts";
