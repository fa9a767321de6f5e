/**
 * A node of the mesh: it makes, starts, connects and stops everything else, and is the only place that knows all parts.
 * It serves no HTTP and reads no command line; what may be asked of it is `AgentControl`.
 * @module
 */

export type * from "../api/mod.ts";
export {
  type IncomingConnection,
  type ListenOptions,
  type PortListener,
  programSocketPath,
  type ServiceHost,
} from "./services/mod.ts";
export * from "./errors.ts";
export { type AttachOptions, Node, type NodeOptions } from "./node.ts";
export * from "./overlay_bootstrap.ts";
export { joinOrResume, leadOrResume } from "./resume.ts";
export { VERSION } from "./version.ts";
export { AlreadyInitializedError, NotInitializedError } from "../mesh/mod.ts";
