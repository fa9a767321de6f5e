/**
 * Ends a turn of the event loop by a byte to oneself.
 * @module
 */

import type { EventLoopYield, Timers } from "../base/mod.ts";

const LOOPBACK = "127.0.0.1";
const BYTE = new Uint8Array(1);

/**
 * As long as there is something to do, the runtime looks at its sockets in each 61st turn only, so that `setImmediate`
 * would let nobody in for long; and `setTimeout` leaves the processor idle for 1 to 2 ms. A byte that this program sends
 * itself makes it look at once, which takes 20 µs.
 *
 * The two ends of a connection over the loopback are made at the first call; where that is not to be had, a timer serves.
 */
export class SocketYield implements EventLoopYield {
  readonly #timers: Timers;
  readonly #received = new Uint8Array(16);
  #pair: readonly [Deno.TcpConn, Deno.TcpConn] | "closed" | undefined;
  #connecting: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  next(): Promise<void> {
    return this.#next ??= this.#end().finally(() => this.#next = undefined);
  }

  /** Gives the connection back; turns are ended by timers from then on. Harmless when repeated. */
  async close(): Promise<void> {
    await this.#connecting;
    this.#close();
  }

  async #end(): Promise<void> {
    if (this.#pair === undefined) this.#connecting ??= this.#connect();
    if (typeof this.#pair !== "object") {
      return await new Promise((resolve) => void this.#timers.setTimer(0, resolve));
    }
    const [near, far] = this.#pair;
    try {
      const read = far.read(this.#received);
      await near.write(BYTE);
      await read;
    } catch {
      this.#close();
    }
  }

  async #connect(): Promise<void> {
    try {
      using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
      const near = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
      const far = await listener.accept();
      if (far.remoteAddr.port === near.localAddr.port) {
        near.setNoDelay();
        this.#pair = [near, far];
        return;
      }
      // Another program was faster than this one.
      near.close();
      far.close();
    } catch {
      // A sandbox may allow none.
    }
    this.#pair = "closed";
  }

  #close(): void {
    const pair = this.#pair;
    this.#pair = "closed";
    if (typeof pair === "object") { for (const end of pair) end.close(); }
  }
}
