/**
 * A TCP port of this host that serves programs, a bounded number at a time.
 * @module
 */

import type { WeftError } from "../base/mod.ts";
import { acceptNext, portInUse, SocketError } from "../transport/mod.ts";
import { REFUSAL_CODES } from "./dial.ts";
import { TcpDuplex } from "./tcp_duplex.ts";

/** Where to listen, and for how many. */
export interface LocalListenerOptions {
  /** An address of this host. */
  readonly hostname: string;
  /** 1 to 65535, or 0 for any free one. */
  readonly port: number;
  /** How many connections may be open; further ones are closed at once. */
  readonly maxConnections: number;
}

/** What a listener has counted. */
export interface ListenerCounts {
  /** Connections that are open. */
  readonly active: number;
  /** Connections that were served, those that are open included. */
  readonly accepted: number;
  /** Connections that were closed because there were too many. */
  readonly overLimit: number;
}

/** Listens from `start` to `stop`; what it serves is for those who extend it to say. */
export abstract class LocalListener implements AsyncDisposable {
  readonly #options: LocalListenerOptions;
  readonly #serving = new Set<Promise<void>>();
  #running: { readonly listener: Deno.TcpListener; readonly abort: AbortController } | undefined;
  #accepting: Promise<void> | undefined;
  #accepted = 0;
  #overLimit = 0;

  constructor(options: LocalListenerOptions) {
    this.#options = options;
  }

  /** Serves one connection; it is closed afterwards. `signal` says that everything stops. */
  protected abstract serve(client: TcpDuplex, signal: AbortSignal): Promise<void>;

  /** The port on which it listens; undefined while it does not. */
  get port(): number | undefined {
    return this.#running?.listener.addr.port;
  }

  /** How many connections there were. */
  protected get connections(): ListenerCounts {
    return { active: this.#serving.size, accepted: this.#accepted, overLimit: this.#overLimit };
  }

  /**
   * Begins to listen; harmless when repeated.
   * @throws PortInUseError, SocketError
   */
  start(): void {
    if (this.#running !== undefined) return;
    const { hostname, port } = this.#options;
    const listener = listen(hostname, port);
    const abort = new AbortController();
    this.#running = { listener, abort };
    this.#accepting = this.#acceptAll(listener, abort.signal);
  }

  /** Closes the port and all connections, and waits until they are closed; harmless when repeated. */
  async stop(): Promise<void> {
    this.#running?.listener.close();
    this.#running?.abort.abort();
    this.#running = undefined;
    await this.#accepting;
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #acceptAll(listener: Deno.TcpListener, signal: AbortSignal): Promise<void> {
    for (;;) {
      const connection = await acceptNext(listener, () => signal.aborted);
      if (connection === undefined) return;
      this.#accept(new TcpDuplex(connection), signal);
    }
  }

  #accept(stream: TcpDuplex, signal: AbortSignal): void {
    if (signal.aborted || this.#serving.size >= this.#options.maxConnections) {
      this.#overLimit++;
      stream.reset(REFUSAL_CODES.failed);
      return;
    }
    this.#accepted++;
    const serving = this.#serveOne(stream, signal).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
  }

  async #serveOne(stream: TcpDuplex, signal: AbortSignal): Promise<void> {
    const reset = (): void => stream.reset(REFUSAL_CODES.failed);
    signal.addEventListener("abort", reset);
    try {
      await this.serve(stream, signal);
    } catch {
      // Whoever serves counts its failures; none may end the others.
      reset();
    }
    if (stream.isOpen) reset();
    // Where both directions have ended the last of it may be under way still.
    await stream.closed;
    signal.removeEventListener("abort", reset);
  }
}

function listen(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ transport: "tcp", hostname, port });
  } catch (error) {
    throw listenError(hostname, port, error);
  }
}

function listenError(hostname: string, port: number, cause: unknown): WeftError {
  if (cause instanceof Deno.errors.AddrInUse) return portInUse("TCP", port, cause);
  const problem = cause instanceof Error ? cause.message : String(cause);
  const hint = cause instanceof Deno.errors.PermissionDenied
    ? "Ports below 1024 need root; choose a larger one."
    : "Listen on an address of this host, such as 127.0.0.1.";
  return new SocketError(`Cannot listen on ${hostname}, TCP port ${port}: ${problem}`, { hint, cause });
}
