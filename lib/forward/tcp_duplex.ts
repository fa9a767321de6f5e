/**
 * TCP connections as streams whose directions end on their own.
 * @module
 */

import { connectWithin } from "../transport/mod.ts";
import { type DialLimits, type DialRefusal, type Refusal, REFUSAL_CODES } from "./dial.ts";
import type { Duplex } from "./duplex.ts";

const SLAB_BYTES = 64 << 10;
// Less than that is not worth another system call.
const MIN_READ_BYTES = 8 << 10;

/**
 * One TCP connection. It closes by itself when both directions have ended. The runtime can't send RST: a reset closes
 * the connection, which the other end sees as an end, or as RST where bytes were left unread (RFC 9293 §3.6.1).
 */
export class TcpDuplex implements Duplex {
  /** Resolves when the connection is closed, whichever way; it never rejects. */
  readonly closed: Promise<void>;

  readonly #connection: Deno.TcpConn;
  readonly #resolveClosed: () => void;
  #slab = new Uint8Array(0);
  #resetCode: number | undefined;
  /** The last call of `write`, which the next one and the end wait for. */
  #writing: Promise<boolean> = Promise.resolve(true);
  #hasReadEnd = false;
  #ending: Promise<void> | undefined;
  #hasEnded = false;
  #isClosed = false;

  /** @param connection nobody else uses it any more */
  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    try {
      // A relay passes on what it has: Nagle's algorithm would hold it back once more (RFC 9293 §3.7.4).
      connection.setNoDelay(true);
      // A peer that vanished without a word would hold its place for ever (RFC 9293 §3.8.4).
      connection.setKeepAlive(true);
    } catch {
      // Already broken: the first read says so.
    }
  }

  get resetCode(): number | undefined {
    return this.#resetCode;
  }

  /** Whether a direction goes on that nobody has ended or reset. */
  get isOpen(): boolean {
    return !this.#isClosed && (!this.#hasReadEnd || this.#ending === undefined);
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#hasReadEnd || this.#isClosed) return undefined;
    if (this.#slab.length < MIN_READ_BYTES) this.#slab = new Uint8Array(SLAB_BYTES);
    const slab = this.#slab;
    try {
      const length = await this.#connection.read(slab);
      if (this.#isClosed) return undefined;
      if (length === null) {
        this.#hasReadEnd = true;
        this.#closeAfterBoth();
        return undefined;
      }
      this.#slab = slab.subarray(length);
      return slab.subarray(0, length);
    } catch {
      this.reset(REFUSAL_CODES.failed);
      return undefined;
    }
  }

  write(bytes: Uint8Array): Promise<boolean> {
    if (this.#ending !== undefined) return Promise.resolve(false);
    return this.#writing = this.#writing.then(() => this.#writeAll(bytes));
  }

  end(): void {
    if (this.#isClosed || this.#ending !== undefined) return;
    this.#ending = this.#writing.then(() => this.#endWriting());
  }

  reset(code: number): void {
    if (this.#isClosed) return;
    this.#resetCode = code;
    this.#close();
  }

  async #writeAll(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length;) {
        if (this.#isClosed) return false;
        at += await this.#connection.write(bytes.subarray(at));
      }
      return !this.#isClosed;
    } catch {
      this.reset(REFUSAL_CODES.failed);
      return false;
    }
  }

  async #endWriting(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#connection.closeWrite();
      this.#hasEnded = true;
      this.#closeAfterBoth();
    } catch {
      this.reset(REFUSAL_CODES.failed);
    }
  }

  #closeAfterBoth(): void {
    if (this.#hasReadEnd && this.#hasEnded) this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
    this.#resolveClosed();
  }
}

/**
 * Connects to `hostname`, a name that the host's resolver knows or an address.
 * @returns the connection, or why there is none; it never throws
 */
export async function connectTcp(
  hostname: string,
  port: number,
  limits: DialLimits,
): Promise<TcpDuplex | DialRefusal> {
  try {
    return new TcpDuplex(await connectWithin(hostname, port, limits));
  } catch (error) {
    return { refusal: refusalFor(error) };
  }
}

function refusalFor(error: unknown): Refusal {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection-refused";
  if (error instanceof Deno.errors.TimedOut) return "timeout";
  if (error instanceof Deno.errors.NotFound) return "no-such-name";
  // The runtime refuses what can be no name before it asks anybody.
  if (error instanceof URIError) return "no-such-name";
  const message = error instanceof Error ? error.message : "";
  // The runtime has no class of its own for these.
  if (/lookup address/.test(message)) return "no-such-name";
  return /unreachable/i.test(message) ? "network-unreachable" : "failed";
}
