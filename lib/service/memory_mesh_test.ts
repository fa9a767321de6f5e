/**
 * Nodes in one process that reach each other through memory, under a virtual clock: messages are late, lost and doubled
 * as a seed says, links break, nodes are cut off and started again.
 * @module
 */

import { SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { type PeerId, peerId, type PeerLinks, type PostOutcome, type ServiceStream } from "./ports.ts";
import { ServiceRuntime, type ServiceRuntimeParts } from "./service_runtime.ts";

/** What happens to messages. */
export interface Weather {
  /** Of each message, the odds that it is lost, and that it comes twice. */
  lost: number;
  doubled: number;
  /** The longest delay in milliseconds. */
  delayMs: number;
}

/** One node of the mesh. */
export class MemoryNode {
  readonly id: PeerId;
  readonly labels: ReadonlySet<string>;
  runtime: ServiceRuntime;
  isDown = false;
  readonly #make: () => ServiceRuntime;

  constructor(id: PeerId, labels: ReadonlySet<string>, make: () => ServiceRuntime) {
    this.id = id;
    this.labels = labels;
    this.#make = make;
    this.runtime = make();
  }

  /** The same node, started again. */
  restart(): void {
    this.runtime = this.#make();
    this.isDown = false;
  }
}

/** Nodes that know and reach each other. */
export class MemoryMesh {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly weather: Weather = { lost: 0, doubled: 0, delayMs: 0 };
  readonly nodes: Map<PeerId, MemoryNode> = new Map();
  readonly #random: SeededRandom;
  readonly #parted = new Set<string>();
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
  }

  /** Adds a node; the ids of later ones are higher. */
  add(
    name: string,
    options: { labels?: readonly string[]; limits?: ServiceRuntimeParts["limits"] } = {},
  ): MemoryNode {
    const id = peerId(`${name}`);
    const make = () =>
      new ServiceRuntime({
        clock: this.clock,
        timers: this.timers,
        random: new SeededRandom(this.#seed++),
        links: this.#links(id),
        peers: {
          self: id,
          nameOf: (peer) => peer,
          find: (text) => this.nodes.get(peerId(text))?.id,
          isHealthy: () => true,
          isOperator: (peer) => peer === "leader",
          selector: (text) => (peer) => this.nodes.get(peer)?.labels.has(text) ?? false,
        },
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        onAdvertChange: () => queueMicrotask(() => this.#spread(id)),
      });
    const node = new MemoryNode(id, new Set(options.labels), make);
    this.nodes.set(id, node);
    for (const other of this.nodes.values()) {
      if (other !== node) node.runtime.setAdverts(other.id, [other.runtime.advert()]);
    }
    this.#spread(id);
    return node;
  }

  /** Cuts two nodes off from each other, or lets them meet again. */
  part(a: MemoryNode, b: MemoryNode, isParted = true): void {
    const key = keyOf(a.id, b.id);
    if (!isParted) return void this.#parted.delete(key);
    this.#parted.add(key);
    a.runtime.handleLinkLost(b.id);
    b.runtime.handleLinkLost(a.id);
  }

  /** Takes a node down as a crash does. */
  crash(node: MemoryNode): void {
    node.isDown = true;
    for (const other of this.nodes.values()) if (other !== node) other.runtime.handleLinkLost(node.id);
  }

  /** Starts a crashed node again; its services have to be added again. */
  restart(node: MemoryNode): void {
    void node.runtime.close();
    node.restart();
    for (const other of this.nodes.values()) {
      if (other !== node) node.runtime.setAdverts(other.id, [other.runtime.advert()]);
    }
    this.#spread(node.id);
  }

  /** Lets time pass, and promises settle on the way. */
  async run(ms: number, stepMs = 5): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await settle();
      this.timers.advance(stepMs);
    }
    await settle();
  }

  /** Stops all nodes. */
  async close(): Promise<void> {
    await Promise.all([...this.nodes.values()].map(({ runtime }) => runtime.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #spread(id: PeerId): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    for (const other of this.nodes.values()) {
      if (other !== node) other.runtime.setAdverts(id, [node.runtime.advert()]);
    }
  }

  #reaches(a: PeerId, b: PeerId): boolean {
    const [from, to] = [this.nodes.get(a), this.nodes.get(b)];
    return from !== undefined && to !== undefined && !from.isDown && !to.isDown &&
      !this.#parted.has(keyOf(a, b));
  }

  #links(self: PeerId): PeerLinks {
    return {
      post: (peer, message) => this.#post(self, peer, message.slice()),
      drained: () => Promise.resolve(),
      reach: (peer) => Promise.resolve(this.#reaches(self, peer)),
      openStream: (peer, header) => {
        if (!this.#reaches(self, peer)) return undefined;
        const [near, far] = streamPair();
        queueMicrotask(() => this.nodes.get(peer)?.runtime.handleStream(self, header.slice(), far));
        return near;
      },
      rttMs: (peer) => peer.charCodeAt(0),
      linked: () => [...this.nodes.keys()].filter((peer) => peer !== self && this.#reaches(self, peer)),
    };
  }

  #post(from: PeerId, to: PeerId, message: Uint8Array): PostOutcome {
    if (!this.#reaches(from, to)) return "no-link";
    const { lost, doubled, delayMs } = this.weather;
    if (this.#draw() < lost) return "queued";
    const copies = this.#draw() < doubled ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const deliver = () => {
        if (this.#reaches(from, to)) this.nodes.get(to)?.runtime.handleMessage(from, message);
      };
      if (delayMs === 0) queueMicrotask(deliver);
      else this.timers.setTimer(this.#draw() * delayMs, deliver);
    }
    return "queued";
  }

  #draw(): number {
    const bytes = new Uint8Array(4);
    this.#random.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

function keyOf(a: PeerId, b: PeerId): string {
  return [a, b].sort().join(" ");
}

const WINDOW_BYTES = 1 << 18;

/** Two ends of a stream in memory, with a window as a channel has one. */
export function streamPair(): [ServiceStream, ServiceStream] {
  const [ab, ba] = [new Pipe(), new Pipe()];
  const reset = { code: undefined as number | undefined };
  const end = (out: Pipe, into: Pipe): ServiceStream => ({
    read: () => into.read(),
    write: (bytes) => out.write(bytes),
    end: () => out.end(),
    reset(code) {
      reset.code ??= code;
      ab.break();
      ba.break();
    },
    get resetCode() {
      return reset.code;
    },
  });
  return [end(ab, ba), end(ba, ab)];
}

class Pipe {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #isBroken = false;
  #wake: (() => void)[] = [];

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && !this.#isEnded && !this.#isBroken) await this.#change();
    const piece = this.#isBroken ? undefined : this.#pieces.shift();
    this.#bytes -= piece?.length ?? 0;
    this.#changed();
    return piece;
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += 16_384) {
      while (this.#bytes >= WINDOW_BYTES && !this.#isBroken) await this.#change();
      if (this.#isBroken || this.#isEnded) return false;
      const piece = bytes.slice(at, at + 16_384);
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#changed();
    }
    return !this.#isBroken;
  }

  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  break(): void {
    this.#isBroken = true;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
