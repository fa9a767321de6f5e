/**
 * Discovery at work: the state, its timer, and the providers that carry announcements.
 * @module
 */

import { DeadlineTimer, type Environment } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import {
  type DiscoveryEvent,
  type DiscoveryOptions,
  DiscoveryState,
  type DiscoveryTransmit,
} from "./discovery_state.ts";

/** A way to send to neighbours, without knowing them. */
export interface DiscoveryProvider {
  /** For people: `multicast`, `broadcast`, `static`. */
  readonly name: string;
  /** Sends to everybody within reach; what can't be sent is dropped. */
  announce(datagram: Uint8Array): void;
}

/** Receives what others announce, and answers one of them. */
export interface DiscoverySocket {
  /** Waits for an announcement. @returns undefined when it is closed */
  receive(): Promise<{ readonly datagram: Uint8Array; readonly source: Endpoint } | undefined>;
  /** Answers; what can't be sent is dropped. */
  send(datagram: Uint8Array, destination: Endpoint): void;
  /**
   * Sends nothing more, and `receive` returns undefined. Harmless when repeated.
   * @returns when what was sent before has gone out
   */
  close(): Promise<void>;
}

/** This node as the others see it, how it sends and receives, and who is told what was found. */
export interface DiscoveryParts extends DiscoveryOptions, Pick<Environment, "clock" | "timers" | "log"> {
  /** Closed by `close`. */
  readonly socket: DiscoverySocket;
  readonly providers: readonly DiscoveryProvider[];
  /** Told who was found and who has left. */
  readonly observer: (event: DiscoveryEvent) => void;
}

/** Announces this node and listens from `start` to `close`. */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #state: DiscoveryState;
  readonly #timer: DeadlineTimer;
  #isRunning = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#state = new DiscoveryState(parts.clock.now(), parts);
    this.#timer = new DeadlineTimer(parts, () => this.#poll());
  }

  /** How many nodes have announced themselves lately. */
  get size(): number {
    return this.#state.size;
  }

  /** Announces this node, or seeks, and listens. */
  start(): void {
    this.#isRunning = true;
    this.#listen().catch((error) => this.#parts.log.error("cannot listen to neighbours", { error }));
    this.#poll();
  }

  /** This node's addresses have changed: its neighbours are told at once. */
  handleChange(): void {
    this.#state.handleChange(this.#parts.clock.now());
    if (this.#isRunning) this.#poll();
  }

  /** @returns where a node announced itself lately, the latest first */
  endpointsOf(nodeId: string): Endpoint[] {
    return this.#state.endpointsOf(nodeId);
  }

  /** @returns how many announcements were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#state.drops.snapshot();
  }

  /** Says goodbye and closes. Harmless when repeated. @returns when the goodbye has gone out */
  async close(): Promise<void> {
    const datagram = this.#isRunning ? this.#state.goodbye() : undefined;
    this.#isRunning = false;
    this.#timer.set(undefined);
    if (datagram !== undefined) this.#send({ datagram });
    await this.#parts.socket.close();
  }

  async #listen(): Promise<void> {
    const { socket, clock } = this.#parts;
    for (;;) {
      const received = await socket.receive();
      if (received === undefined || !this.#isRunning) return;
      this.#state.handleDatagram(clock.now(), received.datagram, received.source);
      // What came may call for an answer, or for a sooner announcement.
      this.#poll();
    }
  }

  #poll(): void {
    const { clock, observer } = this.#parts;
    this.#state.handleTimeout(clock.now());
    for (let out = this.#state.pollTransmit(); out !== undefined; out = this.#state.pollTransmit()) {
      this.#send(out);
    }
    for (let event = this.#state.pollEvent(); event !== undefined; event = this.#state.pollEvent()) {
      observer(event);
    }
    if (this.#isRunning) this.#timer.set(this.#state.pollTimeout());
  }

  #send({ datagram, destination }: DiscoveryTransmit): void {
    const { socket, providers } = this.#parts;
    if (destination !== undefined) socket.send(datagram, destination);
    else for (const provider of providers) provider.announce(datagram);
  }
}
