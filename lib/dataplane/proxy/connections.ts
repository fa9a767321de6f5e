/**
 * The connections that are translated, each found by either of its two pairs of ports:
 *
 * ```text
 *   program   own:clientPort ──▶ host:hostPort           by client: host, clientPort, hostPort
 *   listener  own:L          ◀── host:translatedPort     by port: translatedPort
 * ```
 *
 * A connection that has ended stays until its port is needed, so that the last segments find their way; ports are taken
 * in turn, so that this is late, and the host's kernel does not take a new connection for one that has just ended.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { IpAddress } from "../../net/mod.ts";

/** Dynamic ports (RFC 6335 §6), which no other connection of the proxied host uses. */
const FIRST_PORT = 49_152;
const PORTS = 16_384;
/** How many of them wait for an answer. */
const MAX_HELD = 1024;
/** As many as one member lets another have open. */
const MAX_CONNECTIONS_PER_HOST = 512;
/** Connections that have not ended, of all hosts. */
const MAX_CONNECTIONS = 4096;
/** RFC 5382 §5: an established connection is kept for 2 h 4 min at least; then it may give way. */
const IDLE_MS = 7_440_000;
/** Looking for idle ones takes a look at all, so it is done so often at most. */
const EVICTION_PAUSE_MS = 1000;

/** A host whose packets are led to the listener. */
export interface ProxiedHost {
  readonly address: IpAddress;
  /** Tells hosts apart in keys; no two that are there have the same. */
  readonly index: number;
  /** Connections that have not ended. */
  connections: number;
}

/** One connection of a program. */
export interface Connection {
  /** The translated port, and what tells it from others that had the same; never used twice. */
  readonly id: number;
  readonly host: ProxiedHost;
  readonly clientPort: number;
  readonly hostPort: number;
  readonly translatedPort: number;
  /** Of the SYN that began it. */
  readonly initialSequence: number;
  readonly beganAt: Millis;
  /** The SYN, while it is not known whether the host takes the connection; `release` gives it back. */
  held: Uint8Array | undefined;
  /** What the program is to be sent next; -1, so that it is always a number, before the listener has said anything. */
  nextSequence: number;
  /** Which directions have ended: `ENDS`. */
  ends: number;
  lastAt: Millis;
}

/** Directions of a connection that have ended. */
export const ENDS = { CLIENT: 1, LISTENER: 2, BOTH: 3 } as const;

/** What a SYN says of the connection that it begins, and the SYN. */
export interface NewConnection {
  readonly host: ProxiedHost;
  readonly clientPort: number;
  readonly hostPort: number;
  readonly sequence: number;
  /** Kept as it is. */
  readonly held: Uint8Array;
}

/** A bounded table; nothing in it costs more the more there are. */
export class Connections {
  readonly #byClient = new Map<number, Connection>();
  readonly #byPort = new Array<Connection | undefined>(PORTS).fill(undefined);
  #open = 0;
  #held = 0;
  #nextPort = 0;
  #generation = 0;
  #evictedAt = -Infinity;

  /** Connections that have not ended. */
  get open(): number {
    return this.#open;
  }

  byClient(host: ProxiedHost, clientPort: number, hostPort: number): Connection | undefined {
    return this.#byClient.get(clientKey(host, clientPort, hostPort));
  }

  byPort(host: ProxiedHost, translatedPort: number): Connection | undefined {
    const connection = this.#byPort[translatedPort - FIRST_PORT];
    return connection?.host === host ? connection : undefined;
  }

  byId(id: number): Connection | undefined {
    const connection = this.#byPort[id % 0x10000 - FIRST_PORT];
    return connection?.id === id ? connection : undefined;
  }

  /** @returns a number that no connection has, for another question */
  nextId(): number {
    return ++this.#generation * 0x10000;
  }

  /** @returns the connection, which takes the place of one between the same ports; undefined when there are too many */
  add(now: Millis, { host, clientPort, hostPort, sequence, held }: NewConnection): Connection | undefined {
    const key = clientKey(host, clientPort, hostPort);
    const former = this.#byClient.get(key);
    if (former !== undefined) this.remove(former);
    if (host.connections >= MAX_CONNECTIONS_PER_HOST || this.#open >= MAX_CONNECTIONS) this.#evictIdle(now);
    if (host.connections >= MAX_CONNECTIONS_PER_HOST || this.#open >= MAX_CONNECTIONS) return undefined;
    if (this.#held >= MAX_HELD) return undefined;
    const translatedPort = FIRST_PORT + this.#takePort();
    const connection: Connection = {
      id: this.nextId() + translatedPort,
      host,
      clientPort,
      hostPort,
      translatedPort,
      initialSequence: sequence,
      beganAt: now,
      held,
      nextSequence: -1,
      ends: 0,
      lastAt: now,
    };
    this.#byClient.set(key, connection);
    this.#byPort[translatedPort - FIRST_PORT] = connection;
    host.connections++;
    this.#open++;
    this.#held++;
    return connection;
  }

  /** @returns the SYN, which is held no more; undefined when it was not */
  release(connection: Connection): Uint8Array | undefined {
    const { held } = connection;
    if (held !== undefined) this.#held--;
    connection.held = undefined;
    return held;
  }

  /** Notes that directions have ended; the connection makes room for others when both have. */
  end(connection: Connection, ends: number): void {
    if (connection.ends === ENDS.BOTH) return;
    connection.ends |= ends;
    if (connection.ends !== ENDS.BOTH) return;
    connection.host.connections--;
    this.#open--;
  }

  /** Forgets a connection: what comes of it is nobody's. Harmless when repeated. */
  remove(connection: Connection): void {
    this.end(connection, ENDS.BOTH);
    this.release(connection);
    const { host, clientPort, hostPort, translatedPort } = connection;
    const key = clientKey(host, clientPort, hostPort);
    if (this.#byClient.get(key) === connection) this.#byClient.delete(key);
    const at = translatedPort - FIRST_PORT;
    if (this.#byPort[at] === connection) this.#byPort[at] = undefined;
  }

  /** @returns all connections to a host, also those that have ended */
  of(host: ProxiedHost): Connection[] {
    return this.#byPort.filter((connection) => connection?.host === host) as Connection[];
  }

  /** There is one, since there are more ports than connections may be open. */
  #takePort(): number {
    for (;;) {
      const at = this.#nextPort;
      this.#nextPort = (at + 1) % PORTS;
      const former = this.#byPort[at];
      if (former === undefined) return at;
      if (former.ends !== ENDS.BOTH) continue;
      this.remove(former);
      return at;
    }
  }

  #evictIdle(now: Millis): void {
    if (now - this.#evictedAt < EVICTION_PAUSE_MS) return;
    this.#evictedAt = now;
    for (const connection of this.#byPort) {
      if (connection !== undefined && now - connection.lastAt > IDLE_MS) this.remove(connection);
    }
  }
}

/** Below 2^53 for the first two million hosts, of which there are 65,536 at a time. */
function clientKey(host: ProxiedHost, clientPort: number, hostPort: number): number {
  return host.index * 0x1_0000_0000 + hostPort * 0x10000 + clientPort;
}
