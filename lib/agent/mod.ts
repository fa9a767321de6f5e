/**
 * A node of the mesh: it makes, starts, connects and stops everything else, and is the only place that knows all parts.
 * It serves no HTTP and reads no command line; what may be asked of it is `AgentControl`.
 *
 *     node.ts, overlay_bootstrap.ts    the ways in, for programs and for commands
 *     agent.ts ── member_session.ts    what starts, connects and stops; the part that ends when the keys change
 *     join/, links/, leaders/          who is let in, who is linked, who leads
 *     discovery/, health/              where members are, and whether they answer
 *     overlay/, names/, services/      the interface and its peers, the zone and the resolver, services and programs
 *
 * @module
 */

export {
  type IncomingConnection,
  type ListenOptions,
  type PortListener,
  programSocketPath,
} from "./services/mod.ts";
export * from "./errors.ts";
export { type AttachOptions, Node, type NodeOptions, NodeServices } from "./node/mod.ts";
export type { ProgramEndpoint } from "./networks/mod.ts";
export type { OverlayPorts } from "./open_node.ts";
export { OverlayBootstrap } from "./overlay_bootstrap.ts";
export type { RestoredNode, RestoreRequest } from "./backup/mod.ts";
export type { SettingFollower } from "./reload.ts";
export type { PathMessage } from "./links/mod.ts";
export { Introductions, type PathContext, PathWatch, RelayLegs } from "./paths/mod.ts";
export { checkNetwork, type NetcheckParts } from "./reach/mod.ts";
export { stopOnSignals, type StopOnSignalsOptions, type Stoppable } from "./stop_on_signals.ts";
export { VERSION } from "./status_report.ts";
export { AlreadyInitializedError, NotInitializedError } from "../mesh/mod.ts";
export type { WaitingMachine } from "./start/mod.ts";
export type { AgentProcess, StartToken } from "./operations/mod.ts";
