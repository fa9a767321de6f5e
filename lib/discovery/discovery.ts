/**
 * Drives `DiscoveryState` with a timer, a socket and the providers that carry announcements.
 * @module
 */

import type { Environment } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import {
  type DiscoveryEvent,
  type DiscoveryOptions,
  DiscoveryState,
  type DiscoveryTransmit,
} from "./discovery_state.ts";

/** A way to reach neighbours. */
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

/** Of what a `Discovery` is made. */
export interface DiscoveryParts extends DiscoveryOptions, Pick<Environment, "clock" | "timers" | "log"> {
  /** Closed by `close`. */
  readonly socket: DiscoverySocket;
  readonly providers: readonly DiscoveryProvider[];
  /** Called with every event. */
  readonly observer: (event: DiscoveryEvent) => void;
}

/** Announces and listens from `start` to `close`. */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #state: DiscoveryState;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#state = new DiscoveryState(parts.clock.now(), parts);
  }

  /** How many nodes have announced themselves lately. */
  get size(): number {
    return this.#state.size;
  }

  /** Announces this node, or seeks, and listens. */
  start(): void {
    this.#listen().catch((error) => this.#parts.log.error("cannot listen to neighbours", { error }));
    this.#runDue();
  }

  /** This node's addresses have changed: its neighbours are sent them at once. */
  handleChange(): void {
    this.#state.handleChange(this.#parts.clock.now());
    if (this.#cancelTimer !== undefined) this.#runDue();
  }

  /** @returns where a node has announced itself from lately, the latest first */
  endpointsOf(nodeId: string): Endpoint[] {
    return this.#state.endpointsOf(nodeId);
  }

  /** @returns how many announcements were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#state.drops();
  }

  /** Says goodbye and closes. Harmless when repeated. @returns when the goodbye has gone out */
  async close(): Promise<void> {
    const datagram = this.#isClosed ? undefined : this.#state.goodbye();
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (datagram !== undefined) this.#send({ datagram });
    await this.#parts.socket.close();
  }

  async #listen(): Promise<void> {
    const { socket, clock } = this.#parts;
    for (;;) {
      const received = await socket.receive();
      if (received === undefined || this.#isClosed) return;
      this.#state.handleDatagram(clock.now(), received.datagram, received.source);
      // What came may call for an answer, or for a sooner announcement.
      this.#runDue();
    }
  }

  #runDue(): void {
    const { clock, timers, observer } = this.#parts;
    this.#cancelTimer?.();
    this.#state.handleTimeout(clock.now());
    for (let out = this.#state.pollTransmit(); out !== undefined; out = this.#state.pollTransmit()) {
      this.#send(out);
    }
    for (let event = this.#state.pollEvent(); event !== undefined; event = this.#state.pollEvent()) {
      observer(event);
    }
    if (this.#isClosed) return;
    const waitMs = Math.max(1, this.#state.pollTimeout() - clock.now());
    this.#cancelTimer = timers.setTimer(waitMs, () => this.#runDue());
  }

  #send({ datagram, destination }: DiscoveryTransmit): void {
    const { socket, providers } = this.#parts;
    if (destination !== undefined) socket.send(datagram, destination);
    else for (const provider of providers) provider.announce(datagram);
  }
}
