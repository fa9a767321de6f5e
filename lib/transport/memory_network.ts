/**
 * A network of datagrams that never leaves the process: its faults are drawn from a seed, its time is a port.
 * @module
 */

import { BoundedQueue, Counters, randomFraction, type RandomSource, type Timers } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import {
  type DatagramBatch,
  type DatagramSocket,
  MAX_DATAGRAM_BYTES,
  MAX_SENDS_IN_FLIGHT,
} from "./datagram_socket.ts";
import { PortInUseError } from "./errors.ts";

/** How a network treats each datagram, by itself and at random. */
export interface LinkQuality {
  /** Chance that a datagram is lost, 0 to 1; 0 when absent. */
  readonly lossRate?: number;
  /** Chance that a datagram arrives twice, 0 to 1; 0 when absent. */
  readonly duplicationRate?: number;
  /** Chance that a datagram is held back until later ones have passed, 0 to 1; 0 when absent. */
  readonly reorderRate?: number;
  /** Shortest time on the way, milliseconds; 0 when absent. */
  readonly delayMs?: number;
  /** Up to how much longer it takes, evenly spread, milliseconds; 0 when absent. More than 0 reorders too. */
  readonly jitterMs?: number;
}

/** Where faults and delays of a network come from. */
export interface MemoryNetworkOptions {
  /** Decides what is lost, doubled and late. */
  readonly random: RandomSource;
  /** Carries what takes time. */
  readonly timers: Timers;
  /** How each way is, asked for every datagram, so that ways can change; perfect when absent. */
  readonly quality?: (source: Endpoint, destination: Endpoint) => LinkQuality;
}

interface Datagram {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
}

// How much longer than the others a datagram takes that is held back.
const HELD_BACK_MS = 5;
const FIRST_FREE_PORT = 49_152;
const MAX_QUEUED = 1024;
const MAX_BATCH = 64;
const DROP_REASONS = [
  "closed",
  "too-large",
  "too-many-in-flight",
  "no-listener",
  "receive-queue-full",
] as const;

/**
 * Connects sockets by their endpoints.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
 * import { Endpoint, IpAddress } from "../net/mod.ts";
 * import { MemoryNetwork } from "./memory_network.ts";
 * const timers = new VirtualTimers(new VirtualClock());
 * const network = new MemoryNetwork({ random: new SeededRandom(1), timers, quality: () => ({ delayMs: 10 }) });
 * const at = (last: number) => new Endpoint(IpAddress.fromBytes(Uint8Array.of(192, 0, 2, last)), 51820);
 * using a = network.open(at(1));
 * using b = network.open(at(2));
 * a.send(Uint8Array.of(7), at(2));
 * timers.advance(10);
 * assert.deepEqual((await b.receiveBatch())?.datagram(0), Uint8Array.of(7));
 * ```
 */
export class MemoryNetwork {
  readonly #sockets = new Map<string, MemorySocket>();
  readonly #options: MemoryNetworkOptions;

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /**
   * Opens a socket at `endpoint`; port 0 means any free one.
   * @throws PortInUseError when another socket is open there
   */
  open(endpoint: Endpoint): DatagramSocket & Disposable {
    const local = endpoint.port === 0 ? this.#freeEndpoint(endpoint) : endpoint;
    const key = local.toString();
    if (this.#sockets.has(key)) throw new PortInUseError(`UDP port ${local.port} is in use`);
    const socket = new MemorySocket(local, {
      carry: (datagram, destination) => this.#carry(datagram, destination),
      leave: () => void this.#sockets.delete(key),
    });
    this.#sockets.set(key, socket);
    return socket;
  }

  #freeEndpoint({ address }: Endpoint): Endpoint {
    for (let port = FIRST_FREE_PORT; port <= 65_535; port++) {
      const endpoint = new Endpoint(address, port);
      if (!this.#sockets.has(endpoint.toString())) return endpoint;
    }
    throw new PortInUseError(`Every UDP port of ${address} is in use`);
  }

  #carry(datagram: Datagram, destination: Endpoint): void {
    const sender = this.#sockets.get(datagram.source.toString());
    const { quality, random, timers } = this.#options;
    for (const delayMs of drawDelaysMs(quality?.(datagram.source, destination) ?? {}, random)) {
      if (delayMs === 0) {
        this.#deliver(datagram, destination, sender);
      } else if (sender?.beginFlight()) {
        timers.setTimer(delayMs, () => {
          sender.endFlight();
          this.#deliver(datagram, destination, sender);
        });
      }
    }
  }

  #deliver(datagram: Datagram, destination: Endpoint, sender: MemorySocket | undefined): void {
    const receiver = this.#sockets.get(destination.toString());
    if (receiver === undefined) sender?.countUndelivered();
    // Each copy has its own bytes: a receiver may work in place.
    else receiver.accept({ bytes: datagram.bytes.slice(), source: datagram.source });
  }
}

interface Attachment {
  carry(datagram: Datagram, destination: Endpoint): void;
  leave(): void;
}

class MemorySocket implements DatagramSocket, Disposable {
  readonly #local: Endpoint;
  readonly #attachment: Attachment;
  readonly #arrived = new BoundedQueue<Datagram>(MAX_QUEUED);
  readonly #drops = new Counters(DROP_REASONS);
  #inFlight = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(local: Endpoint, attachment: Attachment) {
    this.#local = local;
    this.#attachment = attachment;
  }

  get localPort(): number {
    return this.#local.port;
  }

  async receiveBatch(): Promise<DatagramBatch | undefined> {
    while (this.#arrived.size === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#isClosed) return undefined;
    const batch: Datagram[] = [];
    while (batch.length < MAX_BATCH) {
      const datagram = this.#arrived.shift();
      if (datagram === undefined) break;
      batch.push(datagram);
    }
    return new MemoryBatch(batch);
  }

  send(datagram: Uint8Array, destination: Endpoint): void {
    if (this.#isClosed) return this.#drops.count("closed");
    if (datagram.length > MAX_DATAGRAM_BYTES) return this.#drops.count("too-large");
    this.#attachment.carry({ bytes: datagram.slice(), source: this.#local }, destination);
  }

  drops(): Readonly<Record<string, number>> {
    return this.#drops.snapshot();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#attachment.leave();
    this.#arrived.clear();
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  accept(datagram: Datagram): void {
    if (this.#arrived.push(datagram) !== undefined) this.#drops.count("receive-queue-full");
    this.#wake?.();
  }

  /** @returns whether one more datagram may be on its way */
  beginFlight(): boolean {
    if (this.#inFlight < MAX_SENDS_IN_FLIGHT) return ++this.#inFlight > 0;
    this.#drops.count("too-many-in-flight");
    return false;
  }

  endFlight(): void {
    this.#inFlight--;
  }

  countUndelivered(): void {
    this.#drops.count("no-listener");
  }
}

class MemoryBatch implements DatagramBatch {
  readonly #datagrams: readonly Datagram[];

  constructor(datagrams: readonly Datagram[]) {
    this.#datagrams = datagrams;
  }

  get count(): number {
    return this.#datagrams.length;
  }

  datagram(index: number): Uint8Array {
    return this.#at(index).bytes;
  }

  source(index: number): Endpoint {
    return this.#at(index).source;
  }

  #at(index: number): Datagram {
    const datagram = this.#datagrams[index];
    if (datagram === undefined) throw new RangeError(`Cannot take datagram ${index} of ${this.count}`);
    return datagram;
  }
}

/**
 * Draws what happens to one datagram.
 * @returns after how many milliseconds each copy arrives: none when it is lost, two when it is duplicated
 */
function drawDelaysMs(quality: LinkQuality, random: RandomSource): number[] {
  if (draws(quality.lossRate, random)) return [];
  const copies = draws(quality.duplicationRate, random) ? 2 : 1;
  return Array.from({ length: copies }, () => {
    const heldBackMs = draws(quality.reorderRate, random) ? HELD_BACK_MS : 0;
    const { delayMs = 0, jitterMs = 0 } = quality;
    return delayMs + heldBackMs + (jitterMs > 0 ? jitterMs * randomFraction(random) : 0);
  });
}

function draws(rate: number | undefined, random: RandomSource): boolean {
  return rate !== undefined && rate > 0 && randomFraction(random) < rate;
}
