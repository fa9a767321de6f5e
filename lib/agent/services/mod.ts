/**
 * Services on a running node: the channels they use, the adverts of nodes in the replicated state, attached programs, and
 * connections that are forwarded over channels.
 * @module
 */

export { partsOf } from "./call_stats_report.ts";
export { ProgramClient, programSocketPath } from "./program_client.ts";
export { DataStore } from "./data_store.ts";
export { ServiceHost } from "./service_host.ts";
export type { IncomingConnection, ListenOptions, PortListener, StreamForwarder } from "./stream_forwarder.ts";
export { DeclaredOffers } from "./declared_offers.ts";
