/**
 * Services on a running node: the links they use, the adverts they tell, the programs and connections that go through it.
 * @module
 */

export { AttachedProgram, programSocketPath } from "./attached_program.ts";
export type { NodeParts } from "./node_parts.ts";
export { ServiceHost } from "./service_host.ts";
export type { IncomingConnection, ListenOptions, PortListener } from "./stream_forwarder.ts";
