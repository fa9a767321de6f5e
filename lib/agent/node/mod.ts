/**
 * A Deno program as a node: by a membership of its own, or by that of its machine's agent.
 * @module
 */

export { Node } from "./node.ts";
export type { AttachOptions, NodeOptions } from "./node_options.ts";
export { NodeServices } from "./node_services.ts";
