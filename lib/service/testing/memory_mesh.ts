/**
 * A mesh in memory, for the tests of this folder.
 * @module
 */

import { MemoryMesh as Mesh, type MemoryNode, type MemoryProgram, settle } from "../../test_mesh/mod.ts";

export { type MemoryNode, type MemoryNodeOptions, settle } from "../../test_mesh/mod.ts";

/** Nodes that know and reach each other. */
export class MemoryMesh extends Mesh {
  /** The same as `advance`. */
  run(ms: number, _stepMs?: number): Promise<void> {
    return this.advance(ms);
  }
}

/** An agent, another node, and a program that is attached to the agent. */
export interface AttachedMesh {
  readonly mesh: MemoryMesh;
  readonly agent: MemoryNode;
  readonly other: MemoryNode;
  readonly program: MemoryProgram;
}

/** @returns a mesh of two nodes, `a` and `b`, and a program of the first */
export async function attached(): Promise<AttachedMesh> {
  const mesh = new MemoryMesh();
  const [agent, other] = [mesh.add("a"), mesh.add("b")];
  const program = mesh.attach(agent);
  await settle();
  return { mesh, agent, other, program };
}
