/**
 * A TCP port of this host that serves programs, a bounded number at a time.
 * @module
 */

import { Counters } from "../base/mod.ts";
import { acceptNext, portInUse, SocketError } from "../transport/mod.ts";
import {
  type Dial,
  type DialRefusal,
  type DialTarget,
  dialWithin,
  isRefusal,
  type Refusal,
  REFUSAL_CODES,
  REFUSALS,
} from "./dial.ts";
import type { Duplex } from "./duplex.ts";
import { TcpDuplex } from "./tcp_duplex.ts";

/** The limits of a listener. */
export interface ListenerLimits {
  /** How many connections may be open, 1,024 unless given; further ones are closed at once. */
  readonly maxConnections?: number;
  /** How long `dial` may take, 30 s unless given. */
  readonly dialTimeoutMs?: number;
}

/** What can come of a connection, each counted once: it was not served, was connected to the mesh, or was refused there. */
export type ListenerOutcome = "over-limit" | "connected" | Refusal;

/**
 * Listens from `start` to `stop`; what it serves is for those who extend it to say.
 * @typeParam Outcome what else can come of a connection
 */
export abstract class LocalListener<Outcome extends string = never> implements AsyncDisposable {
  readonly #dial: Dial;
  readonly #options: Required<ListenerLimits> & { readonly hostname: string; readonly port: number };
  /** What has come of the connections. */
  protected readonly outcomes: Counters<ListenerOutcome | Outcome>;
  readonly #serving = new Set<Promise<void>>();
  #running: { readonly listener: Deno.TcpListener; readonly abort: AbortController } | undefined;
  #accepting: Promise<void> | undefined;
  #accepted = 0;

  /**
   * @param options where to listen: an address of this host, and 1 to 65535 or 0 for any free port
   * @param outcomes what else can come of a connection
   */
  constructor(
    dial: Dial,
    options: ListenerLimits & { readonly hostname: string; readonly port: number },
    outcomes: readonly Outcome[] = [],
  ) {
    this.#dial = dial;
    this.#options = { maxConnections: 1_024, dialTimeoutMs: 30_000, ...options };
    this.outcomes = new Counters(["over-limit", "connected", ...REFUSALS, ...outcomes]);
  }

  /** Serves one connection; it is closed afterwards. `signal` says that everything stops. */
  protected abstract serve(client: TcpDuplex, signal: AbortSignal): Promise<void>;

  /** The port on which it listens; undefined while it does not. */
  get port(): number | undefined {
    return this.#running?.listener.addr.port;
  }

  /** How many connections are open, how many were served so far, and what has come of them. */
  get counts(): Readonly<Record<"active" | "accepted" | ListenerOutcome | Outcome, number>> {
    return { ...this.outcomes.snapshot(), active: this.#serving.size, accepted: this.#accepted };
  }

  /** Dials, and counts what comes of it. */
  protected async dial(target: DialTarget, signal: AbortSignal): Promise<Duplex | DialRefusal> {
    const { dialTimeoutMs: timeoutMs } = this.#options;
    const remote = await dialWithin(this.#dial, target, { signal, timeoutMs });
    this.outcomes.count(isRefusal(remote) ? remote.refusal : "connected");
    return remote;
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
      this.outcomes.count("over-limit");
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
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) throw portInUse("TCP", port, cause);
    const problem = cause instanceof Error ? cause.message : String(cause);
    const hint = cause instanceof Deno.errors.PermissionDenied
      ? "Ports below 1024 need root; choose a larger one."
      : "Listen on an address of this host, such as 127.0.0.1.";
    throw new SocketError(`Cannot listen on ${hostname}, TCP port ${port}: ${problem}`, { hint, cause });
  }
}
