/**
 * A connection of the runtime as a stream.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";

/** A `ByteStream` over a connection, which it owns. */
export class ConnectionStream implements ByteStream {
  readonly remoteAddress: string;
  readonly #connection: Deno.Conn;
  #isClosed = false;

  constructor(connection: Deno.Conn, remoteAddress: string) {
    this.#connection = connection;
    this.remoteAddress = remoteAddress;
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    if (this.#isClosed) return undefined;
    try {
      const length = await this.#connection.read(out);
      return length === null || this.#isClosed ? undefined : length;
    } catch {
      return undefined;
    }
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length;) {
        if (this.#isClosed) return false;
        at += await this.#connection.write(bytes.subarray(at));
      }
      return !this.#isClosed;
    } catch {
      return false;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}
