/**
 * A mesh of nodes in memory, for tests of programs that offer and call services: virtual time, seeded chance, cuts, delays,
 * frozen and crashed nodes. The nodes run what agents run, `NodeRuntime`; what is made up is the network around it: links,
 * who is who, what they may do.
 *
 * ```
 *   TestMesh ─▶ MemoryMesh ─▶ MemoryNode ─▶ NodeRuntime ─▶ MemoryLink ─▶ NodeRuntime of another
 *       │            └─ VirtualTime: the clock, its timers, the turns in between
 *       └─ TestNode: what a program has of its node
 * ```
 *
 * `TestMesh` is for everybody, by names; `MemoryMesh` below it is for our own tests, which look into the runtime.
 *
 * @module
 */

export { type LinkImpairment } from "./memory_link.ts";
export { MemoryMesh } from "./memory_mesh.ts";
export { type LinkFaults, MemoryNetwork } from "./memory_network.ts";
export { MemoryNode, type MemoryNodeOptions, MemoryProgram } from "./memory_node.ts";
export { ALL_RIGHTS, type MemoryRights, rightsOf } from "./memory_rights.ts";
export { type Carry, streamPair } from "./memory_stream.ts";
export { type LogLine, type SentMessage } from "./test_log.ts";
export { TestMesh } from "./test_mesh.ts";
export { type NodeRef, type TestMeshOptions, type TestNodeOptions } from "./test_mesh_options.ts";
export { TestNode } from "./test_node.ts";
export { type TestGrants } from "./test_rights.ts";
export { settle, VirtualTime } from "./virtual_time.ts";
