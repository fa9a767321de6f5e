/**
 * A mesh in memory whose nodes own collections, for tests of this folder.
 * @module
 */

import { SeededRandom } from "../../base/mod.ts";
import { type CallOptions, NO_POLICY, type ServiceRuntime } from "../../service/mod.ts";
import {
  MemoryMesh,
  type MemoryNode,
  type MemoryNodeOptions,
  rightsOf,
  settle,
} from "../../test_mesh/mod.ts";
import { DataClient, DataHost } from "../mod.ts";
import type { EmbeddedEngine } from "../embedded/mod.ts";
import { openMemory } from "./embedded_sample.ts";

/** A node that may own collections. */
export interface DataNode {
  readonly node: MemoryNode;
  /** Collections, as a program of the node has them. */
  readonly client: DataClient;
  /** What it keeps, over its lives. */
  engine: EmbeddedEngine;
  /** Opens what it keeps, as it is on disk. */
  readonly open: () => EmbeddedEngine;
  host: DataHost;
}

/** When tests begin. */
const WALL_MS = 1_700_000_000_000;

/** Nodes with engines in memory. */
export class DataMesh implements AsyncDisposable {
  readonly mesh: MemoryMesh;
  readonly #nodes: DataNode[] = [];

  constructor(seed = 1) {
    this.mesh = new MemoryMesh(seed);
  }

  /** Adds a node. */
  async add(name: string, options: MemoryNodeOptions = {}): Promise<DataNode> {
    const node = this.mesh.add(name, options);
    const { clock } = this.mesh;
    const open = openMemory({ wall: () => WALL_MS + clock.now(), now: () => clock.now() });
    const engine = open();
    const added: DataNode = {
      node,
      engine,
      open,
      client: this.clientOf(node),
      host: this.#hostOf(node, engine),
    };
    this.#nodes.push(added);
    added.host.start();
    await settle();
    return added;
  }

  /** @returns collections as a program has them that calls by this runtime */
  clientOf(program: { readonly runtime: ServiceRuntime }): DataClient {
    const { clock, timers } = this.mesh;
    const request = (path: string, params: unknown, options: CallOptions) =>
      program.runtime.request(path, params, options);
    return new DataClient({ request, clock, timers, random: new SeededRandom(1) });
  }

  /** Starts a crashed node again, with what it had on disk. */
  restart(of: DataNode): void {
    this.mesh.restart(of.node);
    of.engine = of.open();
    of.host = this.#hostOf(of.node, of.engine);
    of.host.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh.close();
    for (const { engine } of this.#nodes) await engine.close();
  }

  #hostOf(node: MemoryNode, engine: EmbeddedEngine): DataHost {
    const { runtime, id, options } = node;
    const peers = {
      ...rightsOf(id, () => options.rights ?? this.mesh.rights),
      self: id,
      nameOf: (peer: typeof id) => peer,
    };
    const { clock, log } = this.mesh;
    const timers = node.timersOf(this.mesh.timers);
    const { policy = NO_POLICY } = options;
    return new DataHost({
      ...{ runtime, peers, policy, clock, timers, log },
      hasState: () => true,
      openEngine: () => engine,
    });
  }
}
