/**
 * The socket of an interface that is down.
 * @module
 */

import type { DatagramBatch, DatagramSocket } from "./datagram_socket.ts";

/** Receives nothing and drops everything. */
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
