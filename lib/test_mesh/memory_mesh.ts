/**
 * Nodes in one process that reach each other through memory, under a virtual clock: messages are late, lost and doubled
 * as a seed says, links break, nodes are cut off, frozen and started again, programs come and go.
 * @module
 */

import { type Logger, randomFraction, SeededRandom, silentLogger } from "../base/mod.ts";
import { type RosterMember, Selector } from "../policy/mod.ts";
import {
  AGENT,
  isProgram,
  NodeRuntime,
  type PeerId,
  peerId,
  type PeerLinks,
  type PostOutcome,
  programId,
  ProgramRuntime,
  type ServicePeers,
  type ServiceStream,
} from "../service/mod.ts";
import { type LinkImpairment, MemoryLink } from "./memory_link.ts";
import { MemoryNode, type MemoryNodeOptions, MemoryProgram } from "./memory_node.ts";
import { ALL_RIGHTS, type MemoryRights, rightsOf } from "./memory_rights.ts";
import { streamPair } from "./memory_stream.ts";
import { VirtualTime } from "./virtual_time.ts";

/** What happens to messages on every link, beside what its impairment says; here they overtake each other. */
export interface LinkFaults {
  /** Of each message, the odds that it is lost, and that it comes twice. */
  lost: number;
  doubled: number;
  /** The longest delay in milliseconds. */
  delayMs: number;
}

/** After so long without a sign of the other end a link is given up, in milliseconds; channels do the same. */
export const GIVE_UP_MS = 30_000;

const RESET_LINK = 0;

/** Nodes that know and reach each other. */
export class MemoryMesh extends VirtualTime implements AsyncDisposable {
  readonly faults: LinkFaults = { lost: 0, doubled: 0, delayMs: 0 };
  readonly nodes: Map<PeerId, MemoryNode> = new Map();
  /** Messages that were handed to a link; `watch` sees each, and drops it by answering false. */
  posted = 0;
  watch: (from: PeerId, to: PeerId, message: Uint8Array) => boolean | void = () => {};
  rights: MemoryRights = ALL_RIGHTS;
  log: Logger = silentLogger;
  /** How long it takes until others know what a node offers and listens to, in milliseconds. */
  advertDelayMs = 0;
  /** The last round trip of two nodes in milliseconds. */
  rttMs: (from: PeerId, to: PeerId) => number = (_, to) => to.charCodeAt(0);
  /** What a node offers or listens to has changed, and others know it. */
  onSpread: () => void = () => {};
  readonly #random: SeededRandom;
  readonly #links = new Map<string, MemoryLink>();
  readonly #streams = new Map<string, Set<() => void>>();
  readonly #spreading = new Set<MemoryNode>();
  #seed: number;
  #lastProgram = 0;

  constructor(seed = 1) {
    super();
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
  }

  /** Adds a node; the later in the alphabet a name is, the higher is the node's id. */
  add(name: string, options: MemoryNodeOptions = {}): MemoryNode {
    const node = new MemoryNode(peerId(name), options, (node) =>
      new NodeRuntime({
        ...this.#environment(node),
        links: this.#linksOf(node),
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
      (program) => new ProgramRuntime({ ...this.#environment(node), links: this.#programLinks(program) }),
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
    this.#break(node.id, id);
    node.runtime.handleLinkLost(id);
    node.runtime.handlePeerGone(id);
    program.runtime.handleLinkLost();
  }

  /** Cuts two nodes off from each other, or lets them meet again. */
  part(a: MemoryNode, b: MemoryNode, isParted: boolean = true): void {
    const link = this.#link(a.id, b.id);
    if (isParted === link.isCut) return;
    link.isCut = isParted;
    if (isParted) this.#sever(a, b);
    else this.#meet(a, b);
    this.#spreadAll();
  }

  /**
   * Lets nothing through between two nodes, who are not told: what they send waits on the way. After `GIVE_UP_MS` both
   * give their link up.
   */
  hush(a: MemoryNode, b: MemoryNode, isSilent: boolean = true): void {
    this.#link(a.id, b.id).isSilent = isSilent;
    this.#review(a, b);
    this.#spreadAll();
  }

  /** Says what is wrong with the way between two nodes, in the place of what was. */
  impair(a: MemoryNode, b: MemoryNode, impairment: LinkImpairment): void {
    this.#link(a.id, b.id).impairment = impairment;
  }

  /** What was said to be wrong with the way between two nodes. */
  impairmentOf(a: PeerId, b: PeerId): LinkImpairment {
    return this.#link(a, b).impairment;
  }

  /** Stops a node in its tracks: its timers wait, and so does what is sent to it and by it. */
  freeze(node: MemoryNode): void {
    node.freeze();
    for (const other of this.#others(node)) this.#review(node, other);
  }

  /** Has a frozen node go on where it was. */
  thaw(node: MemoryNode): void {
    node.thaw();
    for (const other of this.#others(node)) this.#review(node, other);
    this.#spreadAll();
  }

  /** Breaks the link of two nodes, who can make a new one at once. */
  breakLink(a: MemoryNode, b: MemoryNode): void {
    const link = this.#link(a.id, b.id);
    link.release();
    this.#sever(a, b);
    this.#review(a, b);
  }

  /** Takes a node down as a crash does. */
  crash(node: MemoryNode): void {
    node.isDown = true;
    node.life++;
    node.thaw();
    for (const other of this.#others(node)) {
      this.#break(node.id, other.id);
      this.#review(node, other);
      this.#tell(other, () => other.runtime.handleLinkLost(node.id));
    }
    for (const program of node.programs.values()) {
      this.#break(node.id, program.id);
      program.runtime.handleLinkLost();
    }
  }

  /** Starts a crashed node again; its services have to be added again. */
  restart(node: MemoryNode): void {
    void node.runtime.close();
    node.start();
    this.#introduce(node);
    for (const program of node.programs.values()) {
      node.runtime.handleLink(program.id);
      program.runtime.handleLink();
    }
  }

  /** Stops all nodes. */
  async close(): Promise<void> {
    const nodes = [...this.nodes.values()];
    const programs = nodes.flatMap((node) => [...node.programs.values()]);
    for (const node of nodes) this.thaw(node);
    await this.until(Promise.all([...programs, ...nodes].map(({ runtime }) => runtime.close())));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #environment(node: MemoryNode) {
    return {
      clock: this.clock,
      timers: node.timersOf(this.timers),
      random: new SeededRandom(this.#seed++),
      log: node.options.log ?? this.log,
    };
  }

  #others(node: MemoryNode): MemoryNode[] {
    return [...this.nodes.values()].filter((other) => other !== node);
  }

  #introduce(node: MemoryNode): void {
    for (const other of this.#others(node)) this.#meet(node, other);
    for (const other of this.#reachedFrom(node)) node.runtime.setAdverts(other.id, [other.runtime.advert()]);
    this.#spread(node);
  }

  #meet(a: MemoryNode, b: MemoryNode): void {
    this.#review(a, b);
    if (!this.#reaches(a.id, b.id)) return;
    this.#tell(a, () => a.runtime.handleLink(b.id));
    this.#tell(b, () => b.runtime.handleLink(a.id));
  }

  #sever(a: MemoryNode, b: MemoryNode): void {
    this.#break(a.id, b.id);
    this.#review(a, b);
    this.#tell(a, () => a.runtime.handleLinkLost(b.id));
    this.#tell(b, () => b.runtime.handleLinkLost(a.id));
  }

  /** A node that is frozen hears of it when it goes on. */
  #tell(node: MemoryNode, what: () => void): void {
    if (!node.isFrozen) return what();
    const { life } = node;
    node.whenThawed(() => node.life === life && what());
  }

  /** Holds the link of two nodes up, or lets it go on, as they and it are now. */
  #review(a: MemoryNode, b: MemoryNode): void {
    const link = this.#link(a.id, b.id);
    const isStill = (link.isSilent || a.isFrozen || b.isFrozen) && !a.isDown && !b.isDown && !link.isCut;
    if (link.isGivenUp && !isStill) {
      link.isGivenUp = false;
      this.#meet(a, b);
    } else if (isStill && link.stands && !link.isHeldUp) {
      link.cancelGivingUp = this.timers.setTimer(GIVE_UP_MS, () => {
        link.cancelGivingUp = undefined;
        link.isGivenUp = true;
        this.#sever(a, b);
      });
    } else if (!isStill && link.isHeldUp) link.release();
  }

  /** Many changes of one turn are sent as one. */
  #spreadSoon(node: MemoryNode): void {
    if (this.#spreading.has(node)) return;
    this.#spreading.add(node);
    const spread = () => {
      this.#spreading.delete(node);
      this.#spread(node);
    };
    if (this.advertDelayMs > 0) this.timers.setTimer(this.advertDelayMs, spread);
    else queueMicrotask(spread);
  }

  #spread(node: MemoryNode): void {
    if (node.isDown || node.isFrozen) return;
    for (const other of this.#reachedFrom(node)) other.runtime.setAdverts(node.id, [node.runtime.advert()]);
    this.onSpread();
  }

  #spreadAll(): void {
    for (const node of this.nodes.values()) this.#spread(node);
  }

  /** Those to whom the word of a node gets, by whatever way. */
  #reachedFrom(node: MemoryNode): MemoryNode[] {
    const reached = new Set([node]);
    for (const each of reached) {
      for (const other of this.nodes.values()) {
        if (reached.has(other) || other.isFrozen || !this.#reaches(each.id, other.id)) continue;
        if (!this.#link(each.id, other.id).isHeldUp) reached.add(other);
      }
    }
    reached.delete(node);
    return [...reached];
  }

  #reaches(a: PeerId, b: PeerId): boolean {
    const [from, to] = [this.nodes.get(a), this.nodes.get(b)];
    return from !== undefined && to !== undefined && !from.isDown && !to.isDown && this.#link(a, b).stands;
  }

  #link(a: PeerId, b: PeerId): MemoryLink {
    const key = keyOf(a, b);
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new MemoryLink({ timers: this.timers, draw: () => this.draw(), now: () => this.clock.now() });
      this.#links.set(key, link);
    }
    return link;
  }

  #peers({ id, options }: MemoryNode): ServicePeers {
    return {
      self: id,
      ...rightsOf(id, () => options.rights ?? this.rights),
      nameOf: (peer) => peer,
      find: (text) => this.nodes.get(peerId(text))?.id,
      isHealthy: (peer) => this.#reaches(id, peer),
      isOperator: (peer) => this.nodes.get(peer)?.options.isLeader ?? false,
      selector: (text) => {
        const selector = Selector.parse(text);
        return (peer) => {
          const node = this.nodes.get(peer);
          return node !== undefined && selector.matches(subjectOf(node));
        };
      },
    };
  }

  #linksOf(node: MemoryNode): PeerLinks {
    const { id, life } = node;
    const reaches = (peer: PeerId) =>
      node.life === life && (isProgram(peer) ? node.programs.has(peer) : this.#reaches(id, peer));
    const receiver = (peer: PeerId) => node.programs.get(peer)?.runtime ?? this.nodes.get(peer)?.runtime;
    const nameFor = (peer: PeerId) => isProgram(peer) ? AGENT : id;
    const deliver = (peer: PeerId, bytes: Uint8Array, stream?: ServiceStream) => {
      if (reaches(peer)) receiver(peer)?.handleMessage(nameFor(peer), bytes, stream);
    };
    return {
      post: (peer, message) => {
        if (!reaches(peer)) return "no-link";
        if (node.isMute || this.nodes.get(peer)?.isMute) return "queued";
        return this.#post(id, peer, message, (bytes) => deliver(peer, bytes));
      },
      drained: () => Promise.resolve(),
      reach: (peer) => Promise.resolve(reaches(peer)),
      openStream: (peer, header) =>
        reaches(peer) ? this.#open(id, peer, header, (bytes, far) => deliver(peer, bytes, far)) : undefined,
      rttMs: (peer) => this.rttMs(id, peer),
      linked: () => this.#others(node).map((other) => other.id).filter(reaches),
    };
  }

  #programLinks(program: MemoryProgram): PeerLinks {
    const { node, id } = program;
    const isGone = () => program.isGone || node.isDown;
    const deliver = (bytes: Uint8Array, stream?: ServiceStream) => {
      if (!isGone()) node.runtime.handleMessage(id, bytes, stream);
    };
    return {
      post: (_, message) => isGone() ? "no-link" : this.#post(id, node.id, message, deliver),
      drained: () => Promise.resolve(),
      reach: () => Promise.resolve(!isGone()),
      openStream: (_, header) => isGone() ? undefined : this.#open(id, node.id, header, deliver),
      rttMs: () => 0,
      linked: () => isGone() ? [] : [AGENT],
    };
  }

  #post(from: PeerId, to: PeerId, message: Uint8Array, deliver: (bytes: Uint8Array) => void): PostOutcome {
    const { lost, doubled, delayMs } = this.faults;
    this.posted++;
    if (this.watch(from, to, message) === false) return "queued";
    if (lost > 0 && this.draw() < lost) return "queued";
    if (this.#way(from, to)?.loses()) return "queued";
    const copies = doubled > 0 && this.draw() < doubled ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const bytes = message.slice();
      const arrive = () => {
        deliver(bytes);
        // The bytes are good until the handler returns, and not longer.
        bytes.fill(0xaa);
      };
      const send = () => this.#carry(from, to, arrive);
      if (delayMs === 0) queueMicrotask(send);
      else this.timers.setTimer(this.draw() * delayMs, send);
    }
    return "queued";
  }

  #open(
    from: PeerId,
    to: PeerId,
    header: Uint8Array,
    deliver: (header: Uint8Array, far: ServiceStream) => void,
  ): ServiceStream {
    const link = keyOf(from, to);
    const streams = this.#streams.get(link) ?? new Set();
    this.#streams.set(link, streams);
    const broken = () => near.reset(RESET_LINK);
    const [near, far] = streamPair(() => streams.delete(broken), [
      (arrive) => this.#carry(from, to, arrive),
      (arrive) => this.#carry(to, from, arrive),
    ]);
    streams.add(broken);
    const bytes = header.slice();
    queueMicrotask(() =>
      this.#carry(from, to, () => {
        deliver(bytes, far);
        bytes.fill(0xaa);
      })
    );
    return near;
  }

  /** Between two nodes their link carries; a program is on the machine of its node, and stops with it. */
  #carry(from: PeerId, to: PeerId, arrive: () => void): void {
    const way = this.#way(from, to);
    if (way !== undefined) return way.carry(from, arrive);
    const node = this.nodes.get(from) ?? this.nodes.get(to);
    if (node?.isFrozen) node.whenThawed(arrive);
    else arrive();
  }

  /** @returns undefined between a program and its node */
  #way(from: PeerId, to: PeerId): MemoryLink | undefined {
    return isProgram(from) || isProgram(to) ? undefined : this.#link(from, to);
  }

  #break(a: PeerId, b: PeerId): void {
    this.#way(a, b)?.break();
    const key = keyOf(a, b);
    for (const broken of [...this.#streams.get(key) ?? []]) broken();
    this.#streams.delete(key);
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

function keyOf(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** @returns a node as selectors and policies look at it */
export function subjectOf({ id, options, runtime }: MemoryNode): RosterMember {
  const { labels = {}, isLeader = false } = options;
  return {
    id,
    name: id,
    labels,
    addresses: [],
    roles: isLeader ? ["member", "leader"] : ["member"],
    // Few selectors ask.
    get services() {
      return runtime.advert().services.map(({ path }) => path);
    },
    blocks: [],
  };
}
