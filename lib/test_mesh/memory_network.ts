/**
 * What carries messages and streams between nodes in memory, and between a node and its programs.
 * @module
 */

import { randomFraction, SeededRandom } from "../base/mod.ts";
import {
  AGENT,
  isProgram,
  type PeerId,
  type PeerLinks,
  type PostOutcome,
  type ServiceStream,
} from "../service/mod.ts";
import { MemoryLink } from "./memory_link.ts";
import type { MemoryNode, MemoryProgram } from "./memory_node.ts";
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

const RESET_LINK = 0;

/** Nodes, and the links between them. */
export class MemoryNetwork extends VirtualTime {
  readonly faults: LinkFaults = { lost: 0, doubled: 0, delayMs: 0 };
  readonly nodes: Map<PeerId, MemoryNode> = new Map();
  /** Messages that were handed to a link; `watch` sees each, and drops it by answering false. */
  posted = 0;
  watch: (from: PeerId, to: PeerId, message: Uint8Array) => boolean | void = () => {};
  /** The last round trip of two nodes in milliseconds. */
  rttMs: (from: PeerId, to: PeerId) => number = (_, to) => to.charCodeAt(0);
  readonly #random: SeededRandom;
  readonly #links = new Map<string, MemoryLink>();
  readonly #streams = new Map<string, Set<() => void>>();

  /** @param seed of all chance on the way */
  constructor(seed: number) {
    super();
    this.#random = new SeededRandom(seed);
  }

  /** @returns a number in [0, 1) */
  draw(): number {
    return randomFraction(this.#random);
  }

  /** Streams that neither end has done with. */
  get openStreams(): number {
    return [...this.#streams.values()].reduce((sum, streams) => sum + streams.size, 0);
  }

  protected reaches(a: PeerId, b: PeerId): boolean {
    const [from, to] = [this.nodes.get(a), this.nodes.get(b)];
    return from !== undefined && to !== undefined && !from.isDown && !to.isDown && this.link(a, b).stands;
  }

  protected link(a: PeerId, b: PeerId): MemoryLink {
    const key = keyOf(a, b);
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new MemoryLink({ timers: this.timers, draw: () => this.draw(), now: () => this.clock.now() });
      this.#links.set(key, link);
    }
    return link;
  }

  protected portsOf(node: MemoryNode): PeerLinks {
    const { id, life } = node;
    const reaches = (peer: PeerId) =>
      node.life === life && (isProgram(peer) ? node.programs.has(peer) : this.reaches(id, peer));
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
      linked: () => [...this.nodes.keys()].filter((other) => other !== id && reaches(other)),
    };
  }

  protected programPorts(program: MemoryProgram): PeerLinks {
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
    return isProgram(from) || isProgram(to) ? undefined : this.link(from, to);
  }

  /** Loses what is on its way between two, and breaks their streams. */
  protected break(a: PeerId, b: PeerId): void {
    this.#way(a, b)?.break();
    const key = keyOf(a, b);
    for (const broken of [...this.#streams.get(key) ?? []]) broken();
    this.#streams.delete(key);
  }
}

function keyOf(a: PeerId, b: PeerId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
