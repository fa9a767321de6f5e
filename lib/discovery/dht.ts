/**
 * The DHT at work: the state, its timer, and the socket.
 * @module
 */

import { DeadlineTimer, type Environment } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type DhtOptions, DhtState } from "./dht_state.ts";
import type { DiscoverySocket } from "./discovery.ts";

const DAY_MS = 86_400_000;

/** This node in the DHT, its socket, and who is told what was found. */
export interface DhtParts extends DhtOptions, Pick<Environment, "clock" | "timers" | "log"> {
  /** Closed by `close`. */
  readonly socket: DiscoverySocket;
  /** Told each endpoint at which somebody says to listen. */
  readonly observer: (endpoint: Endpoint) => void;
}

/** Asks and announces from `start` to `close`. */
export class Dht {
  readonly #parts: DhtParts;
  readonly #state: DhtState;
  readonly #timer: DeadlineTimer;
  #isClosed = false;

  /** @throws RangeError when the network's id or the port is none */
  constructor(parts: DhtParts) {
    this.#parts = parts;
    this.#state = new DhtState(parts.clock.now(), parts);
    this.#timer = new DeadlineTimer(parts, () => this.#poll());
  }

  /** How many nodes of the DHT answered in the last round, at most 8. */
  get contacts(): number {
    return this.#state.contacts;
  }

  /** Begins the first round. */
  start(): void {
    this.#listen().catch((error) => this.#parts.log.error("cannot listen to the DHT", { error }));
    this.#poll();
  }

  /** @returns how many datagrams were dropped, by reason */
  drops(): Readonly<Record<string, number>> {
    return this.#state.drops.snapshot();
  }

  /** Asks nothing more; what was announced is forgotten by the DHT within half an hour. Harmless when repeated. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer.set(undefined);
    await this.#parts.socket.close();
  }

  async #listen(): Promise<void> {
    const { socket, clock } = this.#parts;
    for (;;) {
      const received = await socket.receive();
      if (received === undefined || this.#isClosed) return;
      this.#state.handleDatagram(clock.now(), received.datagram, received.source);
      this.#poll();
    }
  }

  #poll(): void {
    const { clock, socket, observer } = this.#parts;
    this.#state.handleTimeout(clock.now(), Math.floor(clock.wall() / DAY_MS));
    for (let out = this.#state.pollTransmit(); out !== undefined; out = this.#state.pollTransmit()) {
      socket.send(out.datagram, out.destination);
    }
    for (let found = this.#state.pollFound(); found !== undefined; found = this.#state.pollFound()) {
      observer(found);
    }
    if (!this.#isClosed) this.#timer.set(this.#state.pollTimeout());
  }
}
