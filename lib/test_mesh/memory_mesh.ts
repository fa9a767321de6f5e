/**
 * Nodes in one process that reach each other through memory, under a virtual clock: messages are late, lost and doubled
 * as a seed says, links break, nodes are cut off, frozen and started again, programs come and go.
 * @module
 */

import { type Logger, SeededRandom, silentLogger } from "../base/mod.ts";
import { type RosterMember, Selector } from "../policy/mod.ts";
import {
  NodeRuntime,
  type PeerId,
  peerId,
  programId,
  ProgramRuntime,
  type ServicePeers,
} from "../service/mod.ts";
import type { LinkImpairment } from "./memory_link.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { MemoryNode, type MemoryNodeOptions, MemoryProgram } from "./memory_node.ts";
import { ALL_RIGHTS, type MemoryRights, rightsOf } from "./memory_rights.ts";

/** After so long without a sign of the other end a link is given up, in milliseconds; channels do the same. */
export const GIVE_UP_MS = 30_000;

/** Nodes that know and reach each other. */
export class MemoryMesh extends MemoryNetwork implements AsyncDisposable {
  rights: MemoryRights = ALL_RIGHTS;
  log: Logger = silentLogger;
  /** How long it takes until others know what a node offers and listens to, in milliseconds. */
  advertDelayMs = 0;
  /** What a node offers or listens to has changed, and others know it. */
  onSpread: () => void = () => {};
  readonly #spreading = new Set<MemoryNode>();
  #areWaysNew = false;
  #seed: number;
  #lastProgram = 0;

  constructor(seed = 1) {
    super(seed);
    this.#seed = seed;
  }

  /** Adds a node; the later in the alphabet a name is, the higher is the node's id. */
  add(name: string, options: MemoryNodeOptions = {}): MemoryNode {
    const node = new MemoryNode(peerId(name), options, (node) =>
      new NodeRuntime({
        ...this.#environment(node),
        links: this.portsOf(node),
        peers: this.peersOf(node),
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
      (program) => new ProgramRuntime({ ...this.#environment(node), links: this.programPorts(program) }),
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
    this.break(node.id, id);
    node.runtime.handleLinkLost(id);
    node.runtime.handlePeerGone(id);
    program.runtime.handleLinkLost();
  }

  /** Cuts two nodes off from each other, or lets them meet again. */
  part(a: MemoryNode, b: MemoryNode, isParted: boolean = true): void {
    const link = this.link(a.id, b.id);
    if (isParted === link.isCut) return;
    link.isCut = isParted;
    if (isParted) this.#sever(a, b);
    else this.#meet(a, b);
    this.#spreadAllSoon();
  }

  /**
   * Lets nothing through between two nodes, who are not told: what they send waits on the way. After `GIVE_UP_MS` both
   * give their link up.
   */
  hush(a: MemoryNode, b: MemoryNode, isSilent: boolean = true): void {
    this.link(a.id, b.id).isSilent = isSilent;
    this.#review(a, b);
    this.#spreadAllSoon();
  }

  /** Says what is wrong with the way between two nodes, in the place of what was. */
  impair(a: MemoryNode, b: MemoryNode, impairment: LinkImpairment): void {
    this.link(a.id, b.id).impairment = impairment;
  }

  /** What was said to be wrong with the way between two nodes. */
  impairmentOf(a: PeerId, b: PeerId): LinkImpairment {
    return this.link(a, b).impairment;
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
    this.#spreadAllSoon();
  }

  /** Breaks the link of two nodes, who can make a new one at once. */
  breakLink(a: MemoryNode, b: MemoryNode): void {
    const link = this.link(a.id, b.id);
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
      this.break(node.id, other.id);
      this.#review(node, other);
      this.#tell(other, () => other.runtime.handleLinkLost(node.id));
    }
    for (const program of node.programs.values()) {
      this.break(node.id, program.id);
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

  /** Stops all nodes. @param drains whether calls that are under way may end first */
  async close(drains = false): Promise<void> {
    const nodes = [...this.nodes.values()];
    const programs = nodes.flatMap((node) => [...node.programs.values()]);
    for (const node of nodes) this.thaw(node);
    const all = [...programs, ...nodes];
    if (drains) await this.until(Promise.all(all.map(({ runtime }) => runtime.drain(undefined, 0))));
    const closed = Promise.all(all.map(({ runtime }) => runtime.close()));
    // A hook may wait for what is not of the mesh, which no virtual time brings.
    await this.until(closed).catch(() => closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whether what is sent to a node is there at once, and the others know at once what it offers. */
  isPrompt(node: MemoryNode): boolean {
    return this.advertDelayMs === 0 && this.#others(node).every(({ id }) => this.link(node.id, id).isPrompt);
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
    if (!this.reaches(a.id, b.id)) return;
    this.#tell(a, () => a.runtime.handleLink(b.id));
    this.#tell(b, () => b.runtime.handleLink(a.id));
  }

  #sever(a: MemoryNode, b: MemoryNode): void {
    this.break(a.id, b.id);
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
    const link = this.link(a.id, b.id);
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
      if (this.#spreading.delete(node)) this.#spread(node);
    };
    if (this.advertDelayMs > 0) this.timers.setTimer(this.advertDelayMs, spread);
    else queueMicrotask(spread);
  }

  #spread(node: MemoryNode): void {
    if (node.isDown || node.isFrozen) return;
    for (const other of this.#reachedFrom(node)) other.runtime.setAdverts(node.id, [node.runtime.advert()]);
    this.onSpread();
  }

  /** Those whose adverts have changed in this turn tell them now, and not at its end. */
  spreadNow(): void {
    this.#spreadAll();
    if (this.advertDelayMs > 0) return;
    for (const node of this.#spreading) {
      this.#spreading.delete(node);
      this.#spread(node);
    }
  }

  /** Ways between nodes have changed: many at once are one change. */
  #spreadAllSoon(): void {
    if (this.#areWaysNew) return;
    this.#areWaysNew = true;
    queueMicrotask(() => this.#spreadAll());
  }

  #spreadAll(): void {
    if (!this.#areWaysNew) return;
    this.#areWaysNew = false;
    const left = new Set(
      Array.from(this.nodes.values()).filter(({ isDown, isFrozen }) => !isDown && !isFrozen),
    );
    for (const node of left) {
      const together = [node, ...this.#reachedFrom(node)];
      const adverts = together.map(({ id, runtime }) => [id, [runtime.advert()]] as const);
      for (const each of together) {
        left.delete(each);
        for (const [id, advert] of adverts) if (id !== each.id) each.runtime.setAdverts(id, advert);
      }
    }
    this.onSpread();
  }

  /** Those to whom the word of a node gets, by whatever way. */
  #reachedFrom(node: MemoryNode): MemoryNode[] {
    const left = new Set(this.#others(node).filter(({ isDown, isFrozen }) => !isDown && !isFrozen));
    const reached = [node];
    for (const each of reached) {
      for (const other of left) {
        if (!this.reaches(each.id, other.id) || this.link(each.id, other.id).isHeldUp) continue;
        left.delete(other);
        reached.push(other);
      }
    }
    return reached.slice(1);
  }

  /** Who is who, as a node takes it, and who may do what. */
  peersOf({ id, options }: MemoryNode): ServicePeers {
    return {
      self: id,
      ...rightsOf(id, () => options.rights ?? this.rights),
      members: () =>
        Array.from(this.nodes.values(), ({ id: other, options: { labels = {}, isLeader = false } }) => ({
          id: other,
          name: other,
          addresses: [],
          labels,
          roles: isLeader ? ["member", "leader"] : ["member"],
          isSelf: other === id,
          isHealthy: other === id || this.reaches(id, other),
        })),
      nameOf: (peer) => peer,
      find: (text) => this.nodes.get(peerId(text))?.id,
      isHealthy: (peer) => this.reaches(id, peer),
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
