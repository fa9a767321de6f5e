/**
 * A mesh of nodes in memory, by their names.
 * @module
 */

import { type Clock, silentLogger } from "../base/mod.ts";
import type { PolicyDocument } from "../policy/mod.ts";
import { peerId, type ServiceRuntime } from "../service/mod.ts";
import type { LinkImpairment } from "./memory_link.ts";
import { MemoryMesh } from "./memory_mesh.ts";
import type { MemoryNode } from "./memory_node.ts";
import { describeMessage, keepLog, type LogLine, type SentMessage } from "./test_log.ts";
import type { NodeRef, TestMeshOptions, TestNodeOptions } from "./test_mesh_options.ts";
import { TestData } from "./test_data.ts";
import { TestNode, type TestNodeHost } from "./test_node.ts";
import { TestPolicies } from "./test_policies.ts";
import { TestRights } from "./test_rights.ts";
import { settle } from "./virtual_time.ts";

/** A DNS label, as names of nodes are. */
const NODE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

interface Placed {
  readonly memory: MemoryNode;
  readonly node: TestNode;
  readonly options: TestNodeOptions;
  closed: PromiseWithResolvers<void>;
}

/**
 * Nodes in memory under a virtual clock, which are found, called, cut off, delayed, frozen and crashed in milliseconds, and
 * do the same again for the same seed.
 *
 * Time stands still unless the test lets it pass, by `advance` or `until`; what needs no time, such as a call between two
 * nodes that are not delayed, is simply awaited. What nodes wait for goes by the virtual clock: deadlines, retries,
 * heartbeats. Handlers that are to wait by it use `sleep`; what they wait for outside of the mesh, such as a file or
 * `setTimeout`, takes real time, in which the virtual clock stands still. Calls are looked through every 25 ms, so a deadline
 * may pass by so much before its call fails.
 *
 * @example A deadline of ten seconds, without waiting for it
 * ```ts
 * import assert from "node:assert/strict";
 * import { TestMesh } from "@weft/mesh/testing";
 *
 * await using mesh = new TestMesh({ seed: 7 });
 * const [shop, store] = await mesh.addNodes("shop", "store");
 * await store.addService({ path: "stock", actions: { count: ({ item }: { item: string }) => item.length } });
 * assert.equal(await shop.request("stock/count", { item: "tea" }), 3);
 *
 * mesh.freeze(store);
 * await assert.rejects(mesh.until(shop.request("stock/count", { item: "tea" })), { code: "Timeout" });
 * assert.equal(mesh.nowMs, 10_000);
 * ```
 */
export class TestMesh implements AsyncDisposable {
  readonly #mesh: MemoryMesh;
  readonly #options: TestMeshOptions;
  readonly #placed = new Map<string, Placed>();
  readonly #rights = new TestRights();
  readonly #lines: LogLine[] = [];
  readonly #observers = new Set<(message: SentMessage) => void>();
  readonly #policies: TestPolicies;
  readonly #data: TestData;
  /** Of links that are made from now on. */
  #impairment: LinkImpairment = {};

  /** A mesh without nodes. */
  constructor(options: TestMeshOptions = {}) {
    const { seed = 1, advertDelayMs = 0 } = options;
    this.#options = options;
    const mesh = this.#mesh = new MemoryMesh(seed);
    mesh.advertDelayMs = advertDelayMs;
    mesh.rights = this.#rights;
    this.#data = new TestData(mesh);
    mesh.rttMs = (from, to) => 2 * (mesh.impairmentOf(from, to).delayMs ?? 0);
    this.#policies = new TestPolicies(mesh.clock);
    mesh.onSpread = () => this.#policies.refresh();
    mesh.watch = (from, to, bytes) => this.#tellObservers(from, to, bytes);
  }

  /** The virtual time since the mesh was made, in milliseconds. */
  get nowMs(): number {
    return this.#mesh.clock.now();
  }

  /** The virtual clock, for what is to be tested and reads one. */
  get clock(): Clock {
    return this.#mesh.clock;
  }

  /** All nodes, in the order in which they were added. */
  get nodes(): readonly TestNode[] {
    return Array.from(this.#placed.values(), ({ node }) => node);
  }

  /** What all nodes have logged so far. */
  get logs(): readonly LogLine[] {
    return this.#lines;
  }

  /**
   * Adds a node, and runs its setup.
   * @param name as nodes are called: lower-case letters, digits and hyphens
   * @throws RangeError when there is such a node already, or it is no name; and what the setup throws
   */
  async addNode(name: string, options: TestNodeOptions = {}): Promise<TestNode> {
    if (!NODE_NAME.test(name)) {
      throw new RangeError(`Cannot add ${JSON.stringify(name)}: it is no node's name`);
    }
    if (this.#placed.has(name)) throw new RangeError(`Cannot add ${name}: there is a node of that name`);
    const { labels = {}, isLeader = false, grants, setup } = options;
    const { limits, logger = silentLogger } = this.#options;
    if (grants !== undefined) this.#rights.set(peerId(name), grants);
    const guard = this.#policies.guard();
    const memory = this.#mesh.add(name, {
      labels,
      isLeader,
      limits,
      policy: guard,
      log: keepLog(this.#lines, this.#mesh.clock, name, logger),
    });
    const closed = Promise.withResolvers<void>();
    const node = new TestNode(this.#hostOf(name, memory));
    this.#placed.set(name, { memory, node, options, closed });
    for (const [one, other] of this.#pairs(name)) this.#mesh.impair(one, other, this.#impairment);
    this.#policies.add(memory, guard);
    this.#data.start(memory);
    // Its setup knows who is there, and what they offer.
    await settle();
    await setup?.(node);
    await settle();
    return node;
  }

  /** Adds several nodes without options. @returns them in the same order @throws RangeError as `addNode` does */
  async addNodes<const Names extends readonly string[]>(
    ...names: Names
  ): Promise<{ [Name in keyof Names]: TestNode }> {
    const nodes: TestNode[] = [];
    for (const name of names) nodes.push(await this.addNode(name));
    return nodes as { [Name in keyof Names]: TestNode };
  }

  /** The node of a name. @throws RangeError when there is none */
  node(name: string): TestNode {
    return this.#find(name).node;
  }

  /**
   * Attaches a program to a node, as `Node.attach` does: it shares the node's membership, and ends with `stop`.
   * @throws RangeError when there is no such node
   */
  async attach(node: NodeRef): Promise<TestNode> {
    const placed = this.#find(node);
    const mesh = this.#mesh;
    const program = mesh.attach(placed.memory);
    const closed = Promise.withResolvers<void>();
    const attached = new TestNode({
      name: placed.memory.id,
      runtime: program.runtime,
      life: 0,
      closed: closed.promise,
      data: this.#data.clientOf(() => program.runtime),
      tellAdverts: () => mesh.spreadNow(),
      stop: async (drainMs) => {
        if (program.isGone) return;
        await this.#drain(placed.memory, program.runtime, drainMs);
        if (program.isGone) return;
        await program.runtime.close();
        mesh.detach(program);
        closed.resolve();
      },
    });
    await settle();
    return attached;
  }

  /**
   * Lets virtual time pass: timers fire at their own time, and promises settle in between.
   * @param ms how much, in milliseconds
   * @throws RangeError when it is negative or not finite
   */
  async advance(ms: number): Promise<void> {
    await this.#mesh.advance(ms);
  }

  /** Lets what needs no time happen: everything that was sent arrives, but for what is delayed. */
  async settle(): Promise<void> {
    await settle();
  }

  /**
   * Lets virtual time pass until a promise settles, and no longer.
   * @param options.limitMs how much of it at most; a minute unless given
   * @returns what the promise gives
   * @throws what it rejects with, and Error when nothing comes of it
   */
  async until<T>(promise: Promise<T>, options: { readonly limitMs?: number } = {}): Promise<T> {
    return await this.#mesh.until(promise, options.limitMs);
  }

  /** Settles when so much virtual time has passed, for handlers that take their time. @throws the signal's reason */
  sleep(ms: number, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#mesh.sleep(ms, options.signal);
  }

  /**
   * Breaks the link of two nodes, or all those of one, and lets nobody make another; both ends know at once. They still
   * learn through others what is offered, where there is a way.
   * @throws RangeError when there is no such node
   */
  cut(a: NodeRef, b?: NodeRef): void {
    for (const [one, other] of this.#pairs(a, b)) this.#mesh.part(one, other);
  }

  /**
   * Lets nothing through between two nodes, or between one and all others, without either end being told, as when a cable is
   * pulled. What they send waits, and arrives if `heal` comes first; after 30 s of silence both give the link up.
   * @throws RangeError when there is no such node
   */
  cutSilently(a: NodeRef, b?: NodeRef): void {
    for (const [one, other] of this.#pairs(a, b)) this.#mesh.hush(one, other);
  }

  /** Cuts groups of nodes off from each other. Who is in no group reaches everybody. @throws RangeError as `cut` does */
  partition(...groups: readonly (readonly NodeRef[])[]): void {
    for (const [i, group] of groups.entries()) {
      for (const other of groups.slice(i + 1).flat()) for (const one of group) this.cut(one, other);
    }
  }

  /**
   * Impairs the link of two nodes, all links that one has now, or all that there are and will be; in the place of what was
   * said before of the same.
   * @throws RangeError when a number is negative or no number, or there is no such node
   */
  impair(impairment: LinkImpairment, a?: NodeRef, b?: NodeRef): void {
    const { delayMs = 0, jitterMs = 0, loss = 0 } = impairment;
    for (const [what, value] of Object.entries({ delayMs, jitterMs, loss })) {
      if (!Number.isFinite(value) || value < 0 || (what === "loss" && value > 1)) {
        throw new RangeError(`Cannot impair a link by ${what} ${value}`);
      }
    }
    if (a === undefined) this.#impairment = impairment;
    for (const [one, other] of this.#pairs(a, b)) this.#mesh.impair(one, other, { delayMs, jitterMs, loss });
  }

  /** Mends the link of two nodes, all links of one, or all there are: no cut, and no impairment. */
  heal(a?: NodeRef, b?: NodeRef): void {
    if (a === undefined) this.#impairment = {};
    for (const [one, other] of this.#pairs(a, b)) {
      this.#mesh.impair(one, other, {});
      this.#mesh.hush(one, other, false);
      this.#mesh.part(one, other, false);
    }
  }

  /**
   * Stops a node in its tracks, as `kill -STOP` does: nothing reaches or leaves it, and nothing of it falls due. Its links
   * stand until the others give them up, after 30 s.
   * @throws RangeError when there is no such node
   */
  freeze(node: NodeRef): void {
    this.#mesh.freeze(this.#find(node).memory);
  }

  /** Has a frozen node go on: what waited for it arrives. @throws RangeError when there is no such node */
  thaw(node: NodeRef): void {
    this.#mesh.thaw(this.#find(node).memory);
  }

  /**
   * Ends a node at once, as `kill -KILL` does: no hook runs, and nobody is told but by its links. Calls that it has made fail
   * with `Stopped`; what its handlers have begun goes on in this process, and reaches nobody.
   * @throws RangeError when there is no such node
   */
  crash(node: NodeRef): void {
    const { memory } = this.#find(node);
    if (memory.isDown) return;
    this.#mesh.crash(memory);
    void memory.runtime.close();
  }

  /**
   * Starts a node again that has crashed or was stopped; one that runs crashes first. Its `setup` runs again, and nothing
   * else of what it had is there.
   * @throws RangeError when there is no such node, and what the setup throws
   */
  async restart(node: NodeRef): Promise<void> {
    this.crash(node);
    const placed = this.#find(node);
    this.#mesh.restart(placed.memory);
    this.#data.start(placed.memory);
    placed.closed = Promise.withResolvers();
    await placed.options.setup?.(placed.node);
    await settle();
  }

  /**
   * Puts a policy in force, or none, on all nodes, now and when others come.
   * @param policy as `definePolicy` gives it
   * @throws InvalidSelectorError
   */
  applyPolicy(policy: PolicyDocument | undefined): void {
    this.#policies.apply(policy);
  }

  /**
   * Has each message told that a node sends to another.
   * @returns what ends that, by its disposal
   */
  watch(observer: (message: SentMessage) => void): Disposable {
    this.#observers.add(observer);
    return { [Symbol.dispose]: () => void this.#observers.delete(observer) };
  }

  /**
   * Mends all links and stops all nodes together; what they are doing has 5 s of virtual time to end. Harmless when repeated.
   */
  async stop(): Promise<void> {
    this.heal();
    await this.#mesh.close(true);
    this.#data[Symbol.dispose]();
    for (const { closed } of this.#placed.values()) closed.resolve();
  }

  /** The same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #find(node: NodeRef): Placed {
    const name = typeof node === "string" ? node : node.name;
    const placed = this.#placed.get(name);
    if (placed !== undefined) return placed;
    const known = [...this.#placed.keys()].join(", ");
    throw new RangeError(`No node is called ${name}: there ${known === "" ? "are none" : `are ${known}`}`);
  }

  /** @returns both ends of the links that are meant, each once */
  #pairs(a?: NodeRef, b?: NodeRef): readonly (readonly [MemoryNode, MemoryNode])[] {
    const all = Array.from(this.#placed.values(), ({ memory }) => memory);
    if (a === undefined) {
      return all.flatMap((one, i) => all.slice(i + 1).map((other) => [one, other] as const));
    }
    const one = this.#find(a).memory;
    const others = b === undefined ? all : [this.#find(b).memory];
    return others.filter((other) => other !== one).map((other) => [one, other]);
  }

  #hostOf(name: string, memory: MemoryNode): TestNodeHost {
    const mesh = this.#mesh;
    const placed = () => this.#find(name);
    return {
      name,
      get runtime() {
        return memory.runtime;
      },
      get life() {
        return memory.life;
      },
      get closed() {
        return placed().closed.promise;
      },
      data: this.#data.clientOf(() => memory.runtime),
      tellAdverts: () => mesh.spreadNow(),
      stop: async (drainMs) => {
        const { runtime } = memory;
        if (memory.isDown) return;
        await this.#drain(memory, runtime, drainMs);
        // It may have crashed meanwhile, or been stopped by somebody else.
        if (memory.isDown || memory.runtime !== runtime) return;
        await this.#data.stop(memory);
        await runtime.close();
        mesh.spreadNow();
        mesh.crash(memory);
        placed().closed.resolve();
      },
    };
  }

  /** Lets the calls of a node or of a program of it end; what stands still does not wait for them. */
  async #drain(memory: MemoryNode, runtime: ServiceRuntime, drainMs: number | undefined): Promise<void> {
    const mesh = this.#mesh;
    // What was sent before is answered.
    const arrived = settle();
    const drained = runtime.drain(memory.isFrozen ? 0 : drainMs, mesh.isPrompt(memory) ? 0 : undefined);
    mesh.spreadNow();
    await drained;
    await arrived;
  }

  #tellObservers(from: string, to: string, bytes: Uint8Array): void {
    if (this.#observers.size === 0) return;
    const message = describeMessage(this.nowMs, from, to, bytes);
    if (message !== undefined) { for (const observer of this.#observers) observer(message); }
  }
}
