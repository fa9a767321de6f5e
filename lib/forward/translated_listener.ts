/**
 * A port at this host's own overlay address for connections that the packet plane has translated: each comes from the
 * address and port that were announced for it, and is led to the stream that was opened for it before.
 * @module
 */

import { acceptNext, SocketError } from "../transport/mod.ts";
import { REFUSAL_CODES } from "./dial.ts";
import type { Duplex } from "./duplex.ts";
import { relay } from "./relay.ts";
import { TcpDuplex } from "./tcp_duplex.ts";

/** A connection that is expected comes within this time, or something of this host has dropped it. */
const ACCEPT_TIMEOUT_MS = 5_000;
/** Whoever is told of a reset by the packet plane sees no orderly end before it. */
const RESET_DELAY_MS = 100;

/** A connection that is about to come. */
export interface ExpectedConnection {
  /** Where it comes from: an address as text, and a port. */
  readonly host: string;
  readonly port: number;
  /** Where it leads; reset when it does not come. */
  readonly stream: Duplex;
  /** It has come. */
  onTaken?(): void;
  /** It has not come in time. */
  onMissed(): void;
  /** It ends before its time: the program has to be told. */
  onBroken(): void;
}

interface Waiting extends ExpectedConnection {
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Takes connections that are expected, and closes all others unread: nobody else leads anywhere by this port. */
export class TranslatedListener implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #acceptTimeoutMs: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #serving = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #accepting: Promise<void>;
  #refused = 0;

  private constructor(listener: Deno.TcpListener, acceptTimeoutMs: number) {
    this.#listener = listener;
    this.#acceptTimeoutMs = acceptTimeoutMs;
    this.#accepting = this.#acceptAll();
  }

  /**
   * @param hostname an address of this host
   * @param port the one to take if it is free, so that rules of a firewall can name it; else any
   * @param acceptTimeoutMs how long an expected connection may take
   * @throws SocketError
   */
  static open(
    hostname: string,
    port: number,
    acceptTimeoutMs: number = ACCEPT_TIMEOUT_MS,
  ): TranslatedListener {
    for (const wanted of [port, 0]) {
      try {
        const listener = Deno.listen({ transport: "tcp", hostname, port: wanted });
        return new TranslatedListener(listener, acceptTimeoutMs);
      } catch (cause) {
        if (cause instanceof Deno.errors.AddrInUse && wanted !== 0) continue;
        throw new SocketError(`Cannot listen on ${hostname}`, { cause });
      }
    }
    throw new SocketError(`Cannot listen on ${hostname}`);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** How many connections are open, and how many were closed because nobody expected them. */
  get counts(): { readonly active: number; readonly refused: number } {
    return { active: this.#serving.size, refused: this.#refused };
  }

  /** Takes the connection that comes from there, once. */
  expect(connection: ExpectedConnection): void {
    if (this.#abort.signal.aborted) return connection.stream.reset(REFUSAL_CODES.failed);
    const key = keyOf(connection);
    const timer = setTimeout(() => {
      this.#waiting.delete(key);
      connection.stream.reset(REFUSAL_CODES.failed);
      connection.onMissed();
    }, this.#acceptTimeoutMs);
    this.#drop(key);
    this.#waiting.set(key, { ...connection, timer });
  }

  /** Expects it no more; its stream is reset. Harmless when it has come, or was not expected. */
  forget(connection: Pick<ExpectedConnection, "host" | "port">): void {
    this.#drop(keyOf(connection));
  }

  /** Closes the port and all connections, and waits until they are closed; harmless when repeated. */
  async stop(): Promise<void> {
    if (!this.#abort.signal.aborted) {
      this.#listener.close();
      for (const key of [...this.#waiting.keys()]) this.#drop(key);
      this.#abort.abort();
    }
    await this.#accepting;
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #drop(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    clearTimeout(waiting.timer);
    waiting.stream.reset(REFUSAL_CODES.failed);
  }

  async #acceptAll(): Promise<void> {
    const { signal } = this.#abort;
    for (;;) {
      const connection = await acceptNext(this.#listener, () => signal.aborted);
      if (connection === undefined) return;
      const { hostname: host, port } = connection.remoteAddr;
      const key = keyOf({ host, port });
      const expected = this.#waiting.get(key);
      if (expected === undefined || signal.aborted) {
        this.#refused++;
        connection.close();
        continue;
      }
      this.#waiting.delete(key);
      clearTimeout(expected.timer);
      expected.onTaken?.();
      const serving = this.#serve(new TcpDuplex(connection), expected)
        .finally(() => this.#serving.delete(serving));
      this.#serving.add(serving);
    }
  }

  async #serve(client: TcpDuplex, { stream, onBroken }: ExpectedConnection): Promise<void> {
    await relay(new DelayedReset(client, onBroken), stream, this.#abort.signal);
    await client.closed;
  }
}

/**
 * The runtime can't send a reset, and a program takes an orderly end for the end of what it was sent. So a reset is told
 * first, and the connection is closed when that has been seen to.
 */
class DelayedReset implements Duplex {
  readonly #client: TcpDuplex;
  readonly #onReset: () => void;
  #resetCode: number | undefined;

  constructor(client: TcpDuplex, onReset: () => void) {
    this.#client = client;
    this.#onReset = onReset;
  }

  get resetCode(): number | undefined {
    return this.#resetCode ?? this.#client.resetCode;
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#client.read();
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#resetCode === undefined ? this.#client.write(bytes) : Promise.resolve(false);
  }

  end(): void {
    if (this.#resetCode === undefined) this.#client.end();
  }

  reset(code: number): void {
    if (this.resetCode !== undefined) return;
    this.#resetCode = code;
    this.#onReset();
    setTimeout(() => this.#client.reset(code), RESET_DELAY_MS);
  }
}

function keyOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host} ${port}`;
}
