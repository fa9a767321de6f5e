/**
 * Carrying questions to other servers, each on a socket of its own, whose port strangers would have to guess.
 * @module
 */

import type { ByteStream, Counters } from "../base/mod.ts";
import type { DnsCounter, UpstreamQuery } from "../dns/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { DatagramSocket } from "../transport/mod.ts";
import { FrameStream } from "./frame_stream.ts";

/** Takes what a server has sent; undefined when nothing more will come. */
export type UpstreamListener = (response: Uint8Array | undefined) => void;

/** How sockets are had. */
export interface UpstreamPorts {
  /** @returns a socket on a port that nobody chose @throws when there is none to be had */
  openUdp(): DatagramSocket;
  /** @returns undefined when the server can't be reached; never rejects */
  dialTcp(server: Endpoint, signal: AbortSignal): Promise<ByteStream | undefined>;
}

/** The sockets of all attempts that are under way. */
export class UpstreamSockets {
  readonly #ports: UpstreamPorts;
  readonly #counters: Counters<DnsCounter>;
  /** How to end each attempt. */
  readonly #open = new Map<number, () => void>();

  constructor(ports: UpstreamPorts, counters: Counters<DnsCounter>) {
    this.#ports = ports;
    this.#counters = counters;
  }

  /** How many attempts have a socket. */
  get size(): number {
    return this.#open.size;
  }

  /** Sends a question. `listener` is not called before this returns, and not after `end`. */
  begin(query: UpstreamQuery, listener: UpstreamListener): void {
    const told: UpstreamListener = (response) => {
      if (this.#open.has(query.attempt)) listener(response);
    };
    if (query.transport === "udp") this.#beginUdp(query, told);
    else this.#beginTcp(query, told);
  }

  /** Closes the socket of an attempt. Harmless when repeated. */
  end(attempt: number): void {
    const end = this.#open.get(attempt);
    this.#open.delete(attempt);
    end?.();
  }

  /** Ends all attempts. */
  close(): void {
    for (const attempt of [...this.#open.keys()]) this.end(attempt);
  }

  #beginUdp({ attempt, server, bytes }: UpstreamQuery, listener: UpstreamListener): void {
    let socket: DatagramSocket;
    try {
      socket = this.#ports.openUdp();
    } catch {
      this.#open.set(attempt, () => {});
      queueMicrotask(() => listener(undefined));
      return;
    }
    this.#open.set(attempt, () => socket.close());
    socket.send(bytes, server);
    this.#receive(socket, server, listener);
  }

  async #receive(socket: DatagramSocket, server: Endpoint, listener: UpstreamListener): Promise<void> {
    for (;;) {
      const batch = await socket.receiveBatch();
      if (batch === undefined) return;
      for (let i = 0; i < batch.count; i++) {
        // RFC 5452 §9.1: an answer comes from where the question went.
        if (batch.source(i).equals(server)) listener(batch.datagram(i));
        else this.#counters.count("forward-mismatch");
      }
    }
  }

  #beginTcp({ attempt, server, bytes }: UpstreamQuery, listener: UpstreamListener): void {
    const abort = new AbortController();
    let stream: ByteStream | undefined;
    this.#open.set(attempt, () => {
      abort.abort();
      stream?.close();
    });
    this.#ports.dialTcp(server, abort.signal).then(async (opened) => {
      if (abort.signal.aborted) opened?.close();
      if (opened === undefined || abort.signal.aborted) return listener(undefined);
      stream = opened;
      const frames = new FrameStream(opened);
      const isSent = await frames.write(bytes);
      listener(isSent ? await frames.read() : undefined);
    });
  }
}
