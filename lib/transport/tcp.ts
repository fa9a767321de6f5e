/**
 * TCP on both IP versions by the runtime's sockets.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import {
  acceptNext,
  addressOf,
  ConnectionStream,
  connectWithin,
  type DialOptions,
  type ListenOptions,
  openDualStack,
} from "./runtime_sockets.ts";

/** A stream that somebody opened to us. */
export interface AcceptedStream {
  readonly stream: ByteStream;
  /** Who opened it; IPv4 is always plain, never mapped into IPv6. */
  readonly source: Endpoint;
}

/** Waits for streams on one port. */
export interface StreamListener {
  /** The port that others dial. */
  readonly localPort: number;
  /**
   * Waits for the next stream; one call is under way at a time.
   * @returns undefined when the listener is closed
   */
  accept(): Promise<AcceptedStream | undefined>;
  /** Closes; an `accept` under way returns undefined, accepted streams live on. Harmless when repeated. */
  close(): void;
}

/**
 * Opens a stream to `endpoint`. Never throws: whoever dials has other endpoints to try.
 * @returns undefined when it was refused, unreachable, too slow, or given up
 */
export async function dialTcp(endpoint: Endpoint, options: DialOptions): Promise<ByteStream | undefined> {
  const hostname = endpoint.address.toString();
  const connection = await connectWithin(hostname, endpoint.port, options).catch(() => undefined);
  return connection && tcpStream(connection, endpoint.toString());
}

/**
 * Listens for IPv6 and IPv4 together, or for IPv4 alone where the host has no IPv6, or on one address.
 * @throws PortInUseError, SocketError
 */
export function listenTcp(options: ListenOptions): StreamListener {
  const open = (hostname: string) => Deno.listen({ transport: "tcp", hostname, port: options.port });
  return new TcpListener(openDualStack("TCP", options, open));
}

class TcpListener implements StreamListener {
  readonly localPort: number;
  readonly #listener: Deno.TcpListener;
  #isClosed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.localPort = listener.addr.port;
  }

  async accept(): Promise<AcceptedStream | undefined> {
    for (;;) {
      const connection = await acceptNext(this.#listener, () => this.#isClosed);
      if (connection === undefined) return undefined;
      const address = addressOf(connection.remoteAddr.hostname);
      if (address === undefined) connection.close();
      else {
        const source = new Endpoint(address, connection.remoteAddr.port);
        return { stream: tcpStream(connection, source.toString()), source };
      }
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }
}

function tcpStream(connection: Deno.TcpConn, remoteAddress: string): ByteStream {
  try {
    // RFC 9293 §3.7.4: frames are small and awaited, Nagle's algorithm would hold them back.
    connection.setNoDelay(true);
  } catch {
    // Already broken: the first read says so.
  }
  return new ConnectionStream(connection, remoteAddress);
}

/** @returns a TCP port that nothing listened on a moment ago */
export function freeTcpPort(): number {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
