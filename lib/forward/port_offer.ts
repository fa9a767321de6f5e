/**
 * A TCP service of this host, offered to the mesh.
 * @module
 */

import { Counters } from "../base/mod.ts";
import { isRefusal, type Refusal, REFUSAL_CODES, REFUSALS } from "./dial.ts";
import type { Duplex } from "./duplex.ts";
import { relay } from "./relay.ts";
import { connectTcp } from "./tcp_duplex.ts";

/** How long the service may take to accept. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Where the service is, and its limits. */
export interface PortOfferOptions {
  /** An address of this host, or a name that its resolver knows; 127.0.0.1 unless given. */
  readonly hostname?: string;
  /** 1 to 65535. */
  readonly port: number;
  /** How many streams may be open, 1,024 unless given. */
  readonly maxConnections?: number;
}

/** What came of a stream. */
export type OfferOutcome = "connected" | "over-limit" | Refusal;

/** Connects to the service for every stream that is handed in, and relays. Who may come is the caller's to say. */
export class PortOffer implements AsyncDisposable {
  readonly #options: Required<PortOfferOptions>;
  readonly #outcomes = new Counters<OfferOutcome>(["connected", "over-limit", ...REFUSALS]);
  readonly #serving = new Set<Promise<OfferOutcome>>();
  readonly #abort = new AbortController();

  constructor(options: PortOfferOptions) {
    this.#options = { hostname: "127.0.0.1", maxConnections: 1_024, ...options };
  }

  /** How many streams are open, and what has come of all so far. */
  get counts(): Readonly<Record<"active" | OfferOutcome, number>> {
    return { ...this.#outcomes.snapshot(), active: this.#serving.size };
  }

  /**
   * Serves one stream until it ends; never throws. One that can't be served is reset by the code of the reason.
   * @param onConnected told when the service has accepted, before any byte is relayed
   * @returns what came of it, when it is over
   */
  serve(stream: Duplex, onConnected: () => void = () => {}): Promise<OfferOutcome> {
    if (this.#abort.signal.aborted || this.#serving.size >= this.#options.maxConnections) {
      this.#outcomes.count("over-limit");
      stream.reset(REFUSAL_CODES.failed);
      return Promise.resolve("over-limit");
    }
    const serving = this.#serve(stream, onConnected).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
    return serving;
  }

  /** Ends all streams, and takes no more; harmless when repeated. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serve(stream: Duplex, onConnected: () => void): Promise<OfferOutcome> {
    const { hostname, port } = this.#options;
    const { signal } = this.#abort;
    const service = await connectTcp(hostname, port, { signal, timeoutMs: CONNECT_TIMEOUT_MS });
    if (isRefusal(service)) {
      this.#outcomes.count(service.refusal);
      stream.reset(REFUSAL_CODES[service.refusal]);
      return service.refusal;
    }
    this.#outcomes.count("connected");
    onConnected();
    await relay(stream, service, signal);
    await service.closed;
    return "connected";
  }
}
