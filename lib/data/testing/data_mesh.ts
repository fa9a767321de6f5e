/**
 * A mesh in memory whose nodes own collections, for tests of this folder.
 * @module
 */

import { SeededRandom } from "../../base/mod.ts";
import { type CallOptions, NO_POLICY, type ServiceRuntime } from "../../service/mod.ts";
import { MemoryMesh, type MemoryNode, type MemoryNodeOptions, settle } from "../../test_mesh/mod.ts";
import { DataClient, DataHost, SealHost, ShardHost } from "../mod.ts";
import type { EmbeddedEngine } from "../embedded/mod.ts";
import { openMemory } from "./embedded_sample.ts";
import { layoutKeys } from "./layout_keys.ts";
import { sealingKeys } from "./sealing_keys.ts";

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
  shards: ShardHost;
}

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
    const open = openMemory({ wall: () => Math.floor(clock.wall()), now: () => clock.now() });
    const engine = open();
    const added: DataNode = {
      node,
      engine,
      open,
      client: this.clientOf(node),
      ...this.#hostsOf(node, engine),
    };
    this.#nodes.push(added);
    start(added);
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

  /** Takes a node down as a crash does, and what it held in memory: what its programs have asked for fails. */
  crash({ node, shards }: DataNode): void {
    const { runtime } = node;
    shards.close();
    this.mesh.crash(node);
    void runtime.close();
  }

  /** Starts a crashed node again, with what it had on disk. */
  restart(of: DataNode): void {
    of.shards.close();
    this.mesh.restart(of.node);
    of.engine = of.open();
    Object.assign(of, this.#hostsOf(of.node, of.engine));
    start(of);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { shards } of this.#nodes) shards.close();
    await this.mesh.close();
    for (const { engine } of this.#nodes) await engine.close();
  }

  #hostsOf(node: MemoryNode, engine: EmbeddedEngine): Pick<DataNode, "host" | "shards"> {
    const { runtime, options } = node;
    const peers = this.mesh.peersOf(node);
    const { clock, log } = this.mesh;
    const timers = node.timersOf(this.mesh.timers);
    const { policy = NO_POLICY } = options;
    const shared = { runtime, peers, policy, clock, timers, log, hasState: () => true };
    const shards = new ShardHost({ ...shared, keys: layoutKeys(peers.self), engine: () => engine });
    const seal = new SealHost({
      keys: sealingKeys(peers.self, (selector) => {
        const hasLabel = peers.selector(selector);
        return (peers.members?.() ?? []).map(({ id }) => id).filter(hasLabel);
      }),
      random: new SeededRandom(7),
      request: (path, params, options) => runtime.request(path, params, options),
    });
    void runtime.services.add(seal.definition()).start();
    return { shards, host: new DataHost({ ...shared, shards, openEngine: () => engine }) };
  }
}

function start({ host, shards }: DataNode): void {
  shards.start();
  host.start();
}
