/**
 * The policy of a mesh of a test, in force on all its nodes.
 * @module
 */

import type { Clock } from "../base/mod.ts";
import { compilePolicy, MessageGuard, type PolicyDocument, readProgram } from "../policy/mod.ts";
import { subjectOf } from "./memory_mesh.ts";
import type { MemoryNode } from "./memory_node.ts";

/** Policies are compiled for a revision; here is no history of them. */
const REVISION = "0".repeat(16);

/** Compiles one policy for all nodes, and again when there are others, or they offer something else. */
export class TestPolicies {
  readonly #clock: Clock;
  readonly #nodes = new Map<MemoryNode, MessageGuard>();
  #document: PolicyDocument | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns what a node that is to be added asks */
  guard(): MessageGuard {
    return new MessageGuard({ clock: this.#clock, nameOf: (id) => id });
  }

  /** @param guard what the node asks */
  add(node: MemoryNode, guard: MessageGuard): void {
    this.#nodes.set(node, guard);
    this.refresh();
  }

  /** @param document undefined for none @throws InvalidSelectorError */
  apply(document: PolicyDocument | undefined): void {
    if (document === undefined && this.#document === undefined) return;
    this.#document = document;
    this.#use(document);
  }

  /** Selectors mean other nodes now. */
  refresh(): void {
    if (this.#document !== undefined) this.#use(this.#document);
  }

  #use(document: PolicyDocument | undefined): void {
    const members = Array.from(this.#nodes.keys(), subjectOf);
    const program = document &&
      readProgram(compilePolicy(document, { members, networks: [] }, { revision: REVISION }).bytes);
    for (const guard of this.#nodes.values()) guard.use(program);
    for (const node of this.#nodes.keys()) if (!node.isDown) node.runtime.handlePolicyChange();
  }
}
