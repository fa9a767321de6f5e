/**
 * Queries over TCP (RFC 7766).
 * @module
 */

import type { ByteStream, Timers } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { StreamListener } from "../transport/mod.ts";
import { FrameStream } from "./frame_stream.ts";
import type { QueryService } from "./query_service.ts";

/** The bounds of a listener. */
export interface TcpLimits {
  /** How many connections there may be; a new one then takes the place of the oldest. */
  readonly maxConnections: number;
  /** How many of them one source may have. */
  readonly maxPerSource: number;
  /** How long a connection may go without a whole query, and a response without being taken, in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** RFC 7766 §6.2.3 leaves the timeout to the server, "on the order of a few seconds". */
export const DEFAULT_TCP_LIMITS: TcpLimits = { maxConnections: 256, maxPerSource: 32, idleTimeoutMs: 10_000 };

/** Serves connections of one listener. */
export class TcpService {
  readonly #service: QueryService;
  readonly #timers: Timers;
  readonly #limits: TcpLimits;
  /** The oldest first. */
  readonly #connections = new Map<ByteStream, string>();

  constructor(service: QueryService, timers: Timers, limits: Partial<TcpLimits> = {}) {
    this.#service = service;
    this.#timers = timers;
    this.#limits = { ...DEFAULT_TCP_LIMITS, ...limits };
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** Accepts until the listener is closed. */
  async serve(listener: StreamListener): Promise<void> {
    for (;;) {
      const accepted = await listener.accept();
      if (accepted === undefined) return;
      this.#take(accepted.stream, accepted.source);
    }
  }

  /** Closes all connections. */
  close(): void {
    for (const stream of this.#connections.keys()) stream.close();
  }

  #take(stream: ByteStream, source: Endpoint): void {
    const { maxConnections, maxPerSource } = this.#limits;
    const address = source.address.toString();
    const ofSource = [...this.#connections.values()].filter((each) => each === address).length;
    if (ofSource >= maxPerSource || !this.#service.admits(source)) {
      this.#service.counters.count("dropped-connections");
      stream.close();
      return;
    }
    if (this.#connections.size >= maxConnections) {
      const [oldest] = this.#connections.keys();
      this.#service.counters.count("dropped-connections");
      oldest?.close();
      if (oldest !== undefined) this.#connections.delete(oldest);
    }
    this.#connections.set(stream, address);
    this.#converse(stream, source).finally(() => {
      this.#connections.delete(stream);
      stream.close();
    });
  }

  /** One query after the other: whoever sends many has its next read when its last is answered. */
  async #converse(stream: ByteStream, source: Endpoint): Promise<void> {
    const frames = new FrameStream(stream);
    for (let isFirst = true;; isFirst = false) {
      const stopWaiting = this.#timers.setTimer(this.#limits.idleTimeoutMs, () => stream.close());
      try {
        const query = await frames.read();
        // The first was admitted with its connection.
        if (query === undefined || (!isFirst && !this.#service.admits(source))) return;
        const response = await this.#service.answer(query, source.address);
        if (response === undefined || !await frames.write(response)) return;
      } finally {
        stopWaiting();
      }
    }
  }
}
