/**
 * Datagrams as a port: UDP, or memory.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";

/** The largest payload of a UDP datagram over IPv4 in bytes (RFC 768: 65,535 less both headers). */
export const MAX_DATAGRAM_BYTES = 65_507;

/** How many sends may be under way before further ones are dropped. */
export const MAX_SENDS_IN_FLIGHT = 1024;

/** Datagrams that arrived together; it and its views are valid until the next `receiveBatch`. */
export interface DatagramBatch {
  /** At least 1. */
  readonly count: number;
  /**
   * @param index below `count`
   * @returns a view that the next `receiveBatch` overwrites
   */
  datagram(index: number): Uint8Array;
  /**
   * @param index below `count`
   * @returns where the datagram came from; IPv4 is always plain, never mapped into IPv6
   */
  source(index: number): Endpoint;
}

/** Sends and receives datagrams on one port. Nothing promises that they arrive, once, or in order. */
export interface DatagramSocket {
  /** The port that others send to. */
  readonly localPort: number;
  /**
   * Waits for datagrams; one call is under way at a time.
   * @returns at least one, or undefined when the socket is closed
   */
  receiveBatch(): Promise<DatagramBatch | undefined>;
  /**
   * Sends and forgets. `datagram` belongs to the caller again when this returns. What cannot be sent (a closed
   * socket, no route, too many under way, more than `MAX_DATAGRAM_BYTES`) is dropped and counted.
   */
  send(datagram: Uint8Array, destination: Endpoint): void;
  /** @returns how many datagrams were dropped on this side, by reason */
  drops(): Readonly<Record<string, number>>;
  /** Closes; a `receiveBatch` under way returns undefined. Harmless when repeated. */
  close(): void;
}

/** The socket of an interface that is down: it receives nothing and drops everything. */
export class NoSocket implements DatagramSocket {
  readonly localPort = 0;
  readonly #closed = Promise.withResolvers<undefined>();
  #dropped = 0;

  receiveBatch(): Promise<DatagramBatch | undefined> {
    return this.#closed.promise;
  }

  send(): void {
    this.#dropped++;
  }

  drops(): Readonly<Record<string, number>> {
    return { closed: this.#dropped };
  }

  close(): void {
    this.#closed.resolve(undefined);
  }
}
