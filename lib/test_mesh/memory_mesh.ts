/**
 * Nodes in one process that reach each other through memory, under a virtual clock: messages are late, lost and doubled
 * as a seed says, links break, nodes are cut off and started again, programs come and go.
 * @module
 */

import { randomFraction, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { ALL_RIGHTS, type MemoryRights, rightsOf } from "./memory_rights.ts";
import { streamPair } from "./memory_stream.ts";
import {
  AGENT,
  isProgram,
  type PeerId,
  peerId,
  type PeerLinks,
  type PostOutcome,
  programId,
  type ServicePeers,
  type ServiceStream,
} from "../ports.ts";
import { NodeRuntime, type NodeRuntimeParts } from "../node_runtime.ts";
import { ProgramRuntime } from "../programs/mod.ts";

/** What happens to messages. */
export interface LinkFaults {
  /** Of each message, the odds that it is lost, and that it comes twice. */
  lost: number;
  doubled: number;
  /** The longest delay in milliseconds. */
  delayMs: number;
}

/** What a node may be made with. */
export interface MemoryNodeOptions {
  readonly labels?: readonly string[];
  /** What this node takes the network to allow, in place of what the mesh says: it may run another program. */
  readonly rights?: MemoryRights;
  readonly limits?: NodeRuntimeParts["limits"];
  /** What this node asks of the policy; a node that ignores it has none. */
  readonly policy?: NodeRuntimeParts["policy"];
  readonly compressor?: NodeRuntimeParts["compressor"];
}

const RESET_LINK = 0;

/** One node of the mesh. */
export class MemoryNode {
  readonly id: PeerId;
  readonly options: MemoryNodeOptions;
  readonly programs: Map<PeerId, MemoryProgram> = new Map();
  runtime: NodeRuntime;
  isDown = false;
  /** Its links stand, and nothing comes through. */
  isMute = false;
  /** Counts its lives: what one has left behind does not speak for the next. */
  life = 0;
  readonly #make: (node: MemoryNode) => NodeRuntime;

  constructor(id: PeerId, options: MemoryNodeOptions, make: (node: MemoryNode) => NodeRuntime) {
    this.id = id;
    this.options = options;
    this.#make = make;
    this.runtime = make(this);
  }

  /** The same node, started again. */
  start(): void {
    this.runtime = this.#make(this);
    this.isDown = false;
  }
}

/** A program that is attached to a node. */
export class MemoryProgram {
  readonly id: PeerId;
  readonly node: MemoryNode;
  readonly runtime: ProgramRuntime;
  isGone = false;

  constructor(id: PeerId, node: MemoryNode, make: (program: MemoryProgram) => ProgramRuntime) {
    this.id = id;
    this.node = node;
    this.runtime = make(this);
  }
}

/** Nodes that know and reach each other. */
export class MemoryMesh {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly faults: LinkFaults = { lost: 0, doubled: 0, delayMs: 0 };
  readonly nodes: Map<PeerId, MemoryNode> = new Map();
  /** Messages that were handed to a link; `watch` sees each, and drops it by answering false. */
  posted = 0;
  watch: (from: PeerId, to: PeerId, message: Uint8Array) => boolean | void = () => {};
  rights: MemoryRights = ALL_RIGHTS;
  log: typeof silentLogger = silentLogger;
  readonly #random: SeededRandom;
  readonly #parted = new Set<string>();
  readonly #streams = new Map<string, Set<() => void>>();
  readonly #spreading = new Set<MemoryNode>();
  #seed: number;
  #lastProgram = 0;

  constructor(seed = 1) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
  }

  /** Adds a node; the later in the alphabet a name is, the higher is the node's id. */
  add(name: string, options: MemoryNodeOptions = {}): MemoryNode {
    const node = new MemoryNode(peerId(name), options, (node) =>
      new NodeRuntime({
        ...this.#environment(),
        links: this.#links(node),
        peers: this.#peers(node),
        onAdvertChange: () => this.#spreadSoon(node),
        limits: options.limits,
        ...options.policy && { policy: options.policy },
        compressor: options.compressor,
      }));
    this.nodes.set(node.id, node);
    this.#introduce(node);
    return node;
  }

  /** Attaches a program to a node. */
  attach(node: MemoryNode): MemoryProgram {
    const id = programId(++this.#lastProgram);
    const program = new MemoryProgram(
      id,
      node,
      (program) => new ProgramRuntime({ ...this.#environment(), links: this.#programLinks(program) }),
    );
    node.programs.set(program.id, program);
    node.runtime.handleLink(program.id);
    program.runtime.handleLink();
    return program;
  }

  /** Takes a program away as its crash does. */
  detach(program: MemoryProgram): void {
    const { node, id } = program;
    program.isGone = true;
    node.programs.delete(id);
    this.#break(keyOf(node.id, id));
    node.runtime.handleLinkLost(id);
    node.runtime.handlePeerGone(id);
    program.runtime.handleLinkLost();
  }

  /** Cuts two nodes off from each other, or lets them meet again. */
  part(a: MemoryNode, b: MemoryNode, isParted = true): void {
    const key = keyOf(a.id, b.id);
    if (isParted === this.#parted.has(key)) return;
    if (isParted) this.#parted.add(key);
    else this.#parted.delete(key);
    if (isParted) this.breakLink(a, b);
    else this.#link(a, b);
  }

  /** Breaks the link of two nodes, who can make a new one at once. */
  breakLink(a: MemoryNode, b: MemoryNode): void {
    this.#break(keyOf(a.id, b.id));
    a.runtime.handleLinkLost(b.id);
    b.runtime.handleLinkLost(a.id);
  }

  /** Takes a node down as a crash does. */
  crash(node: MemoryNode): void {
    node.isDown = true;
    node.life++;
    for (const other of this.#others(node)) {
      this.#break(keyOf(node.id, other.id));
      other.runtime.handleLinkLost(node.id);
    }
  }

  /** Starts a crashed node again; its services have to be added again. */
  restart(node: MemoryNode): void {
    void node.runtime.close();
    node.start();
    this.#introduce(node);
  }

  /** Lets time pass, and promises settle on the way. */
  async run(ms: number, stepMs = 5): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await settle();
      this.timers.advance(stepMs);
    }
    await settle();
  }

  /** Lets time pass until a promise settles. @returns what it gives @throws what it throws */
  async until<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let isSettled = false;
    promise.then(() => isSettled = true, () => isSettled = true);
    await settle();
    for (let passed = 0; !isSettled; passed += 5) {
      if (passed > limitMs) throw new Error(`nothing came of it within ${limitMs} ms`);
      this.timers.advance(5);
      await settle();
    }
    return await promise;
  }

  /** Stops all nodes. */
  async close(): Promise<void> {
    const nodes = [...this.nodes.values()];
    const programs = nodes.flatMap((node) => [...node.programs.values()]);
    await Promise.all([...programs, ...nodes].map(({ runtime }) => runtime.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #environment() {
    return { clock: this.clock, timers: this.timers, random: new SeededRandom(this.#seed++), log: this.log };
  }

  #others(node: MemoryNode): MemoryNode[] {
    return [...this.nodes.values()].filter((other) => other !== node);
  }

  #introduce(node: MemoryNode): void {
    for (const other of this.#others(node)) {
      node.runtime.setAdverts(other.id, [other.runtime.advert()]);
      this.#link(node, other);
    }
    this.#spread(node);
  }

  #link(a: MemoryNode, b: MemoryNode): void {
    if (!this.#reaches(a.id, b.id)) return;
    a.runtime.handleLink(b.id);
    b.runtime.handleLink(a.id);
  }

  /** Many changes of one turn are sent as one. */
  #spreadSoon(node: MemoryNode): void {
    if (this.#spreading.has(node)) return;
    this.#spreading.add(node);
    queueMicrotask(() => {
      this.#spreading.delete(node);
      this.#spread(node);
    });
  }

  #spread(node: MemoryNode): void {
    if (node.isDown) return;
    for (const other of this.#others(node)) other.runtime.setAdverts(node.id, [node.runtime.advert()]);
  }

  #reaches(a: PeerId, b: PeerId): boolean {
    const [from, to] = [this.nodes.get(a), this.nodes.get(b)];
    return from !== undefined && to !== undefined && !from.isDown && !to.isDown &&
      !this.#parted.has(keyOf(a, b));
  }

  #peers({ id, options }: MemoryNode): ServicePeers {
    return {
      self: id,
      ...rightsOf(id, () => options.rights ?? this.rights),
      nameOf: (peer) => peer,
      find: (text) => this.nodes.get(peerId(text))?.id,
      isHealthy: (peer) => this.#reaches(id, peer),
      isOperator: (peer) => peer === "leader",
      selector: (text) => {
        if (text.includes("(")) throw new RangeError(`Cannot read the selector ${text}`);
        return (peer) => this.nodes.get(peer)?.options.labels?.includes(text) ?? false;
      },
    };
  }

  #links(node: MemoryNode): PeerLinks {
    const { id, life } = node;
    const reaches = (peer: PeerId) =>
      node.life === life && (isProgram(peer) ? node.programs.has(peer) : this.#reaches(id, peer));
    const receiver = (peer: PeerId) => node.programs.get(peer)?.runtime ?? this.nodes.get(peer)?.runtime;
    const nameFor = (peer: PeerId) => isProgram(peer) ? AGENT : id;
    return {
      post: (peer, message) => {
        if (!reaches(peer)) return "no-link";
        const isLost = node.isMute || this.nodes.get(peer)?.isMute;
        const deliver = (bytes: Uint8Array) => {
          if (reaches(peer)) receiver(peer)?.handleMessage(nameFor(peer), bytes);
        };
        return isLost ? "queued" : this.#post(id, peer, message, deliver);
      },
      drained: () => Promise.resolve(),
      reach: (peer) => Promise.resolve(reaches(peer)),
      openStream: (peer, header) => {
        if (!reaches(peer)) return undefined;
        return this.#open(keyOf(id, peer), header, (bytes, far) => {
          if (reaches(peer)) receiver(peer)?.handleMessage(nameFor(peer), bytes, far);
        });
      },
      rttMs: (peer) => peer.charCodeAt(0),
      linked: () => this.#others(node).map((other) => other.id).filter(reaches),
    };
  }

  #programLinks(program: MemoryProgram): PeerLinks {
    const { node, id } = program;
    const deliver = (bytes: Uint8Array) => {
      if (!program.isGone) node.runtime.handleMessage(id, bytes);
    };
    return {
      post: (_, message) => program.isGone ? "no-link" : this.#post(id, node.id, message, deliver),
      drained: () => Promise.resolve(),
      reach: () => Promise.resolve(!program.isGone),
      openStream: (_, header) =>
        program.isGone ? undefined : this.#open(keyOf(node.id, id), header, (bytes, far) => {
          if (!program.isGone) node.runtime.handleMessage(id, bytes, far);
        }),
      rttMs: () => 0,
      linked: () => program.isGone ? [] : [AGENT],
    };
  }

  #post(from: PeerId, to: PeerId, message: Uint8Array, deliver: (bytes: Uint8Array) => void): PostOutcome {
    const { lost, doubled, delayMs } = this.faults;
    this.posted++;
    if (this.watch(from, to, message) === false) return "queued";
    if (lost > 0 && this.draw() < lost) return "queued";
    const copies = doubled > 0 && this.draw() < doubled ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const bytes = message.slice();
      const arrive = () => {
        deliver(bytes);
        // The bytes are good until the handler returns, and not longer.
        bytes.fill(0xaa);
      };
      if (delayMs === 0) queueMicrotask(arrive);
      else this.timers.setTimer(this.draw() * delayMs, arrive);
    }
    return "queued";
  }

  #open(
    link: string,
    header: Uint8Array,
    deliver: (header: Uint8Array, far: ServiceStream) => void,
  ): ServiceStream {
    const streams = this.#streams.get(link) ?? new Set();
    this.#streams.set(link, streams);
    const broken = () => near.reset(RESET_LINK);
    const [near, far] = streamPair(() => streams.delete(broken));
    streams.add(broken);
    const bytes = header.slice();
    queueMicrotask(() => {
      deliver(bytes, far);
      bytes.fill(0xaa);
    });
    return near;
  }

  #break(link: string): void {
    for (const broken of [...this.#streams.get(link) ?? []]) broken();
    this.#streams.delete(link);
  }

  /** @returns a number in [0, 1) */
  draw(): number {
    return randomFraction(this.#random);
  }

  /** Streams that neither end has done with. */
  get openStreams(): number {
    return [...this.#streams.values()].reduce((sum, streams) => sum + streams.size, 0);
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

function keyOf(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
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
