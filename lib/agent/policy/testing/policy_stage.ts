/**
 * Policies on the nodes of a simulated mesh, for tests: each node compiles for itself, and it is noted when.
 * @module
 */

import assert from "node:assert/strict";
import { silentLogger } from "../../../base/mod.ts";
import { compilePolicy, readPolicyDocument } from "../../../policy/mod.ts";
import { type SimNode, Simulation, type SimulationOptions } from "../../../simulation/mod.ts";
import { Policies } from "../policies.ts";
import { PolicyActs } from "../policy_acts.ts";
import type { PolicyPlace } from "../policy_entry.ts";

/** Policies of one node while it runs. */
export interface StagedPolicies {
  readonly policies: Policies;
  readonly acts: PolicyActs;
  /** When which revision came into force there, in virtual milliseconds. */
  readonly since: Map<string, number>;
}

/** A simulated mesh with policies. */
export class PolicyStage {
  readonly simulation: Simulation;
  readonly #nodes = new Map<SimNode, StagedPolicies>();

  constructor(options: SimulationOptions) {
    this.simulation = new Simulation(options);
    for (const node of this.simulation.nodes) this.start(node);
    this.simulation.advance(5_000);
  }

  /** Starts the policies of a node that runs, as its agent does. */
  start(node: SimNode, compile: typeof compilePolicy = compilePolicy): StagedPolicies {
    const { simulation } = this;
    const identity = () => node.identity;
    const mesh = {
      get identity() {
        return identity();
      },
      replica: node.replica,
      network: simulation.identity,
      leadership: { audit: undefined },
      atOnce: <T>(body: () => T): T => node.store.transaction(body),
    };
    const policies = new Policies({
      ...simulation.environment,
      clock: node.clock,
      log: silentLogger,
      mesh,
      store: node.store,
      authority: { mayOffer: () => true },
      networks: () => new Map(),
      compile,
    });
    const since = new Map<string, number>();
    policies.attach({
      setPolicies: ({ enforced }) => {
        const revision = enforced?.revision ?? "none";
        if (!since.has(revision)) since.set(revision, simulation.nowMs);
      },
    });
    policies.start();
    const staged = { policies, since, acts: new PolicyActs({ mesh, policies, clock: node.clock }) };
    this.#nodes.set(node, staged);
    return staged;
  }

  /** Ends a node like a power cut. */
  crash(node: SimNode): void {
    this.of(node).policies.close();
    node.crash();
  }

  node(index: number): SimNode {
    return this.simulation.nodes[index] ?? assert.fail(`no node ${index}`);
  }

  of(node: SimNode): StagedPolicies {
    return this.#nodes.get(node) ?? assert.fail(`node ${node.index} has no policies`);
  }

  /** Applies a document at a node. @returns its revision */
  apply(index: number, rules: readonly unknown[], place: PolicyPlace = "enforced"): string {
    const document = readPolicyDocument({ rules });
    return this.of(this.node(index)).acts.apply({ document, place }).packed.revision;
  }

  /** @returns the revisions that members enforce, with how many do */
  revisions(nodes: readonly SimNode[] = this.simulation.members): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const node of nodes) {
      const revision = this.of(node).policies.compiled.enforced?.revision ?? "none";
      counts.set(revision, (counts.get(revision) ?? 0) + 1);
    }
    return counts;
  }

  /** @returns after how many milliseconds all of them enforced it, or undefined when they did not within the bound */
  untilInForce(
    revision: string,
    boundMs: number,
    nodes: readonly SimNode[] = this.simulation.members,
  ): number | undefined {
    return this.simulation.until(boundMs, () => this.revisions(nodes).get(revision) === nodes.length);
  }

  /** Ends all timers. */
  close(): void {
    for (const { policies } of this.#nodes.values()) policies.close();
  }
}
