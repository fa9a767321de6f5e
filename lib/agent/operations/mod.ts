/**
 * What may be asked of an agent, as its parts do it.
 * @module
 */

export { agentOperations } from "./agent_operations.ts";
export type { AgentProcess } from "./agent_process.ts";
export { type StartToken, startTokenOf } from "./token_operations.ts";
