/**
 * A mesh of thousands of nodes in one process: the agent's own gossip, replicas and choice of links under a virtual clock
 * and a seeded network that delays, loses, reorders and falls apart. It opens no socket and waits for nothing.
 *
 * Each node decides for itself. What many of them hold alike is there once: the replica that all begin with, of which each
 * keeps what differs (`ReplicaBase`), and what was read, verified and encoded (`MemoReader`). So a node costs some 45 KB, however
 * many there are.
 *
 *     Simulation ─► SimNode ─► Gossip, Replica (lib/mesh)
 *         │            │
 *     VirtualTimers ◄─ SimNetwork
 *
 * `reach` is another one: nodes behind NATs that look for paths.
 *
 * @module
 */

export * from "./reach/mod.ts";
export { Simulation, type SimulationOptions } from "./simulation.ts";
export { type PhaseReport, runScenario, type ScenarioOptions, type ScenarioReport } from "./scenario.ts";
export type { SimNode } from "./sim_node.ts";
export type { Traffic, WayConditions } from "./sim_network.ts";
