/**
 * Programs that share the membership of their machine's agent. `ProgramRuntime` runs in the program: it serves its own
 * services, and sends everything else to the agent. `ProgramGateway` runs in the agent: it makes what the programs offer
 * part of the node, checks who may call them, and hands calls to and from them.
 *
 * @module
 */

export { ProgramGateway } from "./program_gateway.ts";
export { ProgramRuntime } from "./program_runtime.ts";
