/**
 * Discovery at work: the state, its timer, and the providers that carry announcements.
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
  /** Calls out to everybody within reach; what can't be sent is dropped. */
  announce(datagram: Uint8Array): void;
}

/** What others call out, and the way to answer one of them. */
export interface DiscoveryEar {
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

/** What discovery works with. */
export interface DiscoveryParts extends DiscoveryOptions, Pick<Environment, "clock" | "timers" | "log"> {
  /** Closed by `close`. */
  readonly ear: DiscoveryEar;
  readonly providers: readonly DiscoveryProvider[];
  /** Hears what happens. */
  readonly observer: (event: DiscoveryEvent) => void;
}

/** Calls out and listens from `start` to `close`. */
export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #state: DiscoveryState;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    this.#state = new DiscoveryState(parts.clock.now(), parts);
  }

  /** How many nodes were heard lately. */
  get size(): number {
    return this.#state.size;
  }

  /** Announces this node, or seeks, and listens. */
  start(): void {
    this.#listen().catch((error) => this.#parts.log.error("cannot listen to neighbours", { error }));
    this.#turn();
  }

  /** This node's addresses have changed: its neighbours hear it at once. */
  handleChange(): void {
    this.#state.handleChange(this.#parts.clock.now());
    if (this.#cancelTimer !== undefined) this.#turn();
  }

  /** @returns where a node was heard lately, the latest first */
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
    await this.#parts.ear.close();
  }

  async #listen(): Promise<void> {
    const { ear, clock } = this.#parts;
    for (;;) {
      const received = await ear.receive();
      if (received === undefined || this.#isClosed) return;
      this.#state.handleDatagram(clock.now(), received.datagram, received.source);
      // What came may call for an answer, or for a sooner announcement.
      this.#turn();
    }
  }

  #turn(): void {
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
    this.#cancelTimer = timers.setTimer(waitMs, () => this.#turn());
  }

  #send({ datagram, destination }: DiscoveryTransmit): void {
    const { ear, providers } = this.#parts;
    if (destination !== undefined) ear.send(datagram, destination);
    else for (const provider of providers) provider.announce(datagram);
  }
}
